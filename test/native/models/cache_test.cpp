// The caches against a plain list of positions: what they return, what they hold, what they share,
// and that they write in place.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "cache/array_cache.h"
#include "cache/paged_cache.h"

namespace mlxd::test {

namespace {

constexpr int kHeads = 2, kDim = 4;
const kernels::KvFormat kFormat{kHeads, kDim, kernels::cpu::KvType::f16};

ArrayCache array_cache(std::optional<int> window = std::nullopt) {
  return {kHeads, kDim, mx::float32, window};
}

// [1, heads, length, dim], all of position p filled with p (values: -p).
mx::array filled(int from, int length, float sign) {
  const mx::array positions = sign * mx::astype(mx::arange(from, from + length), mx::float32);
  return mx::broadcast_to(mx::reshape(positions, {1, 1, length, 1}), {1, kHeads, length, kDim});
}

// Appends positions [from, from + length) and checks that exactly [first, from + length) come back.
void append_and_check(ArrayCache& cache, int from, int length, int first) {
  const auto [keys, values] = cache.append(filled(from, length, 1), filled(from, length, -1));
  CAPTURE(from);
  CAPTURE(length);
  const int count = from + length - first;
  REQUIRE(keys.shape() == mx::Shape{1, kHeads, count, kDim});
  REQUIRE(values.shape() == keys.shape());
  CHECK(mx::array_equal(keys, filled(first, count, 1)).item<bool>());
  CHECK(mx::array_equal(values, filled(first, count, -1)).item<bool>());
  CHECK(cache.length() == from + length);
}

const float* evaluated_keys(const ArrayCache& cache) {
  auto state = cache.state();
  mx::eval(state);
  return state[0].data<float>();
}

const PagedCache& paged(const std::unique_ptr<LayerCache>& cache) {
  return static_cast<const PagedCache&>(*cache);
}

}  // namespace

TEST_CASE("an array cache returns every position, whatever the sizes of the appends") {
  std::mt19937 random(3);
  ArrayCache cache = array_cache();
  CHECK(cache.state().empty());
  CHECK(cache.bytes() == 0);
  for (int from = 0; from < 3000;) {
    const int length = random() % 3 == 0 ? 1 + static_cast<int>(random() % 400) : 1;
    append_and_check(cache, from, length, 0);
    from += length;
  }
  CHECK(cache.bytes() <= cache.bytes_for(3400));
  CHECK(cache.bytes_for(3000) <= 2 * 2 * 3000 * kHeads * kDim * sizeof(float));
}

TEST_CASE("an array cache appends in place while there is room") {
  ArrayCache cache = array_cache();
  append_and_check(cache, 0, 100, 0);
  const float* before = evaluated_keys(cache);
  for (int from = 100; from < 256; ++from) append_and_check(cache, from, 1, 0);
  CHECK(evaluated_keys(cache) == before);
}

TEST_CASE("an array cache with a window gives each new token all of it, and forgets the rest") {
  for (const int window : {1, 2, 7, 300}) {
    CAPTURE(window);
    std::mt19937 random(5);
    ArrayCache cache = array_cache(window);
    for (int from = 0; from < 3000;) {
      const int length = random() % 4 == 0 ? 1 + static_cast<int>(random() % 100) : 1;
      append_and_check(cache, from, length, std::max(0, from - (window - 1)));
      from += length;
    }
    CHECK(cache.bytes() <= 2 * 2 * (2 * window + 512) * kHeads * kDim * sizeof(float));
  }
}

TEST_CASE("an array cache and its prefixes go on apart") {
  for (const auto window : {std::optional<int>(), std::optional<int>(20)}) {
    ArrayCache cache = array_cache(window);
    const auto first = [&](int from) { return window ? std::max(0, from - 19) : 0; };
    append_and_check(cache, 0, 100, 0);
    append_and_check(cache, 100, 3, first(100));
    for (const int positions : {103, 90}) {
      CAPTURE(positions);
      REQUIRE(cache.has_prefix(positions));
      const auto prefix = cache.prefix(positions);
      CHECK(prefix->length() == positions);
      append_and_check(static_cast<ArrayCache&>(*prefix), positions, 40, first(positions));
    }
    append_and_check(cache, 103, 1, first(103));
    CHECK_FALSE(cache.has_prefix(105));
    CHECK_FALSE(cache.has_prefix(-1));
    CHECK_THROWS_AS(cache.prefix(105), std::invalid_argument);
    for (int from = 104; from < 900; ++from) append_and_check(cache, from, 1, first(from));
    CHECK(cache.has_prefix(100) == !window);
  }
}

TEST_CASE("a paged cache opens a page when the last is full, and moves none") {
  PagedCache cache(kFormat);
  CHECK(cache.state().empty());
  CHECK(cache.bytes() == 0);
  const size_t before = kernels::cpu::KvPage::total_bytes();
  auto segment = cache.reserve(100);
  CHECK(segment.offset == 0);
  CHECK(segment.length == 100);
  CHECK(segment.table->pages.size() == 1);
  const auto first = segment.table->page(0);
  CHECK(cache.reserve(28).table == segment.table);
  segment = cache.reserve(1);
  CHECK(segment.offset == 128);
  CHECK(segment.table->pages.size() == 2);
  CHECK(segment.table->page(0) == first);
  segment = cache.reserve(1000);
  CHECK(segment.table->pages.size() == 9);
  CHECK(cache.length() == 1129);
  CHECK(cache.bytes() == 9 * kFormat.page_bytes());
  CHECK(cache.bytes_for(1129) == cache.bytes());
  CHECK(kernels::cpu::KvPage::total_bytes() == before + cache.bytes());
}

TEST_CASE("a prepared cache takes no more memory until its positions have come") {
  for (const std::optional<int> window : {std::optional<int>(), std::optional(100)}) {
    PagedCache cache(kFormat, window);
    cache.reserve(100);
    cache.prepare(300);
    CHECK(cache.length() == 100);
    CHECK(cache.bytes() == 4 * kFormat.page_bytes());
    const auto table = cache.reserve(20).table;
    CHECK(table->pages.size() == 4);
    const auto last = table->page(3);
    const auto after = cache.reserve(280).table;
    CHECK(after->page(3) == last);
    CHECK(after->end_page() == 4);
    const auto prefix = cache.prefix(350);
    prefix->prepare(300);
    const auto segment = static_cast<PagedCache&>(*prefix).reserve(1);
    CHECK(segment.copied == after->page(2));
    CHECK(segment.table->page(2) != after->page(2));
  }
}

TEST_CASE("a paged cache with a window holds the pages that the next tokens see, no others") {
  for (const int window : {1, 2, 128, 129, 300}) {
    CAPTURE(window);
    std::mt19937 random(6);
    PagedCache cache(kFormat, window);
    while (cache.length() < 4000) {
      const int count = random() % 4 == 0 ? 1 + static_cast<int>(random() % 300) : 1;
      const auto segment = cache.reserve(count);
      const int oldest = std::max(0, segment.offset - window + 1);
      REQUIRE(segment.table->first_page == oldest / 128);
      REQUIRE(segment.table->end_page() == (cache.length() + 127) / 128);
      REQUIRE(cache.has_prefix(cache.length()));
      REQUIRE(cache.prefix(cache.length())->bytes() <= cache.bytes());
    }
    CHECK_FALSE(cache.has_prefix(1000));
    CHECK(cache.bytes_for(4000) <= (window / 128 + 2) * kFormat.page_bytes());
  }
}

TEST_CASE("a prefix shares pages; appended to in a page that is not full it takes a copy") {
  PagedCache cache(kFormat);
  const auto before = cache.reserve(300);
  for (const int positions : {256, 200, 300}) {
    CAPTURE(positions);
    const size_t total = kernels::cpu::KvPage::total_bytes();
    const auto prefix = cache.prefix(positions);
    CHECK(prefix->length() == positions);
    CHECK(kernels::cpu::KvPage::total_bytes() == total);
    const auto segment = static_cast<PagedCache&>(*prefix).reserve(1);
    CHECK(segment.offset == positions);
    const int open = positions / 128;
    for (int page = 0; page < open; ++page) {
      CHECK(segment.table->page(page) == before.table->page(page));
    }
    if (positions % 128 == 0) {
      CHECK(segment.copied == nullptr);
    } else {
      CHECK(segment.copied == before.table->page(open));
      CHECK(segment.table->page(open) != before.table->page(open));
      CHECK(static_cast<PagedCache&>(*prefix).reserve(1).copied == nullptr);
    }
  }
  const auto kept = cache.prefix(300);
  const auto after = cache.reserve(1);
  CHECK(after.copied == nullptr);
  CHECK(after.table->page(2) == before.table->page(2));
  const auto of_prefix = kept->prefix(299);
  CHECK(static_cast<PagedCache&>(*of_prefix).reserve(1).copied == before.table->page(2));
  const auto full = cache.prefix(256);
  CHECK(static_cast<PagedCache&>(*full).reserve(100).copied == nullptr);
  CHECK(static_cast<PagedCache&>(*full).reserve(1).copied == nullptr);
  cache.reserve(1);
  CHECK_FALSE(cache.has_prefix(303));
  CHECK_THROWS_AS(cache.prefix(303), std::invalid_argument);
  CHECK(paged(cache.prefix(0)).bytes() == 0);
}

TEST_CASE("bytes beyond another cache are those of pages, or arrays, that it does not hold") {
  PagedCache cache(kFormat);
  cache.reserve(300);
  const auto prefix = cache.prefix(256);
  CHECK(prefix->bytes_beyond(cache) == 0);
  CHECK(cache.bytes_beyond(*prefix) == kFormat.page_bytes());
  static_cast<PagedCache&>(*prefix).reserve(200);
  CHECK(prefix->bytes_beyond(cache) == 2 * kFormat.page_bytes());
  CHECK(PagedCache(kFormat).bytes_beyond(cache) == 0);

  PagedCache window(kFormat, 100);
  window.reserve(300);
  const auto early = window.prefix(300);
  window.reserve(300);
  window.reserve(1);
  CHECK(window.bytes_beyond(*early) == window.bytes());

  ArrayCache arrays = array_cache();
  append_and_check(arrays, 0, 100, 0);
  const auto shared = arrays.prefix(50);
  CHECK(shared->bytes_beyond(arrays) == 0);
  append_and_check(arrays, 100, 1, 0);
  CHECK(shared->bytes_beyond(arrays) == shared->bytes());
}

TEST_CASE("a sequence's cache speaks for all layers") {
  SequenceCache cache;
  cache.layers.push_back(std::make_unique<ArrayCache>(array_cache()));
  cache.layers.push_back(std::make_unique<PagedCache>(kFormat, 8));
  CHECK(cache.bytes() == 0);
  append_and_check(static_cast<ArrayCache&>(*cache.layers[0]), 0, 300, 0);
  auto& windowed = static_cast<PagedCache&>(*cache.layers[1]);
  windowed.reserve(299);
  windowed.reserve(1);
  windowed.written(std::make_shared<mx::array>(mx::zeros({1})));
  CHECK(cache.state().size() == 3);
  CHECK(cache.bytes() == cache.layers[0]->bytes() + cache.layers[1]->bytes());
  CHECK(cache.bytes_for(300) == cache.layers[0]->bytes_for(300) + cache.layers[1]->bytes_for(300));
  CHECK(cache.has_prefix(300));
  CHECK_FALSE(cache.has_prefix(100));  // the window has passed it
  const SequenceCache prefix = cache.prefix(290);
  REQUIRE(prefix.layers.size() == 2);
  CHECK(prefix.layers[0]->length() == 290);
  CHECK(prefix.layers[1]->length() == 290);
}

}  // namespace mlxd::test
