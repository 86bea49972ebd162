// The caches against a plain list of positions: what they return, what they hold, and that they
// write in place.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "cache/kv_cache.h"
#include "cache/rotating_cache.h"

namespace mlxd::test {

namespace {

constexpr int kHeads = 2, kDim = 4;

// [1, heads, length, dim], all of position p filled with p (values: -p).
mx::array filled(int from, int length, float sign) {
  const mx::array positions = sign * mx::astype(mx::arange(from, from + length), mx::float32);
  return mx::broadcast_to(mx::reshape(positions, {1, 1, length, 1}), {1, kHeads, length, kDim});
}

// Appends positions [from, from + length) and checks that exactly [first, from + length) come back.
void append_and_check(LayerCache& cache, int from, int length, int first) {
  const auto [keys, values] = cache.append(filled(from, length, 1), filled(from, length, -1));
  CAPTURE(from);
  CAPTURE(length);
  const int count = from + length - first;
  REQUIRE(keys.shape() == mx::Shape{1, kHeads, count, kDim});
  REQUIRE(values.shape() == keys.shape());
  CHECK(mx::array_equal(keys, filled(first, count, 1)).item<bool>());
  CHECK(mx::array_equal(values, filled(first, count, -1)).item<bool>());
}

const float* evaluated_keys(const LayerCache& cache) {
  auto state = cache.state();
  mx::eval(state);
  return state[0].data<float>();
}

}  // namespace

TEST_CASE("a KV cache returns every position, whatever the sizes of the appends") {
  std::mt19937 random(3);
  KvCache cache;
  CHECK(cache.state().empty());
  CHECK(cache.bytes() == 0);
  for (int from = 0; from < 3000;) {
    const int length = random() % 3 == 0 ? 1 + static_cast<int>(random() % 400) : 1;
    append_and_check(cache, from, length, 0);
    from += length;
  }
  CHECK(cache.bytes() <= 2 * 2 * 3400 * kHeads * kDim * sizeof(float));
}

TEST_CASE("a KV cache appends in place while there is room") {
  KvCache cache;
  append_and_check(cache, 0, 100, 0);
  const float* before = evaluated_keys(cache);
  for (int from = 100; from < 256; ++from) append_and_check(cache, from, 1, 0);
  CHECK(evaluated_keys(cache) == before);
}

TEST_CASE("a rotating cache gives each new token its whole window, and forgets the rest") {
  for (const int window : {1, 2, 7, 300}) {
    CAPTURE(window);
    std::mt19937 random(5);
    RotatingCache cache(window);
    for (int from = 0; from < 3000;) {
      const int length = random() % 4 == 0 ? 1 + static_cast<int>(random() % 100) : 1;
      append_and_check(cache, from, length, std::max(0, from - (window - 1)));
      from += length;
    }
    CHECK(cache.bytes() <= 2 * 2 * (2 * window + 512) * kHeads * kDim * sizeof(float));
  }
}

TEST_CASE("a sequence's cache sums its layers") {
  SequenceCache cache;
  cache.layers.push_back(std::make_unique<KvCache>());
  cache.layers.push_back(std::make_unique<RotatingCache>(8));
  CHECK(cache.bytes() == 0);
  append_and_check(*cache.layers[0], 0, 3, 0);
  append_and_check(*cache.layers[1], 0, 3, 0);
  CHECK(cache.state().size() == 4);
  CHECK(cache.bytes() == cache.layers[0]->bytes() + cache.layers[1]->bytes());
}

}  // namespace mlxd::test
