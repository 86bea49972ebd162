// The cache of a short convolution against a plain list of inputs: what it returns, and which
// prefixes it has.
#include "cache/conv_cache.h"

#include <doctest/doctest.h>

#include <random>
#include <stdexcept>

namespace mlxd::test {

namespace {

constexpr int kTaps = 4, kChannels = 3;

// The inputs of positions [from, to): all channels of position p hold p + 1; zeros before the
// first.
mx::array inputs(int from, int to) {
  const mx::array values = mx::maximum(mx::arange(from + 1, to + 1), mx::array(0));
  return mx::broadcast_to(mx::reshape(mx::astype(values, mx::float32), {to - from, 1}),
                          {to - from, kChannels});
}

bool appends(LayerCache& cache, int from, int length) {
  const mx::array seen = static_cast<ConvCache&>(cache).append(inputs(from, from + length));
  return mx::array_equal(seen, inputs(from - kTaps + 1, from + length)).item<bool>() &&
         cache.length() == from + length;
}

}  // namespace

TEST_CASE(
    "each append of a convolution's cache sees the inputs before it, zeros before the first") {
  std::mt19937 random(5);
  ConvCache cache(kTaps, kChannels, mx::float32);
  CHECK(cache.state().empty());
  CHECK(cache.bytes() == 0);
  for (int from = 0; from < 60;) {
    const int length = 1 + static_cast<int>(random() % 5);
    CHECK(appends(cache, from, length));
    from += length;
  }
  CHECK(cache.state().size() == 1);
}

TEST_CASE("a convolution's cache has the prefixes of its last three steps, and refuses others") {
  ConvCache cache(kTaps, kChannels, mx::float32);
  int end = 0;
  for (int length : {10, 5, 1, 2}) {
    CHECK(appends(cache, end, length));
    end += length;
  }
  for (int positions = 1; positions < 10; ++positions) {
    CHECK_FALSE(cache.has_prefix(positions));
    CHECK_THROWS_AS(cache.prefix(positions), std::invalid_argument);
  }
  for (int positions = 10; positions <= end; ++positions) {
    REQUIRE(cache.has_prefix(positions));
    const auto prefix = cache.prefix(positions);
    CHECK(prefix->length() == positions);
    CHECK(prefix->has_prefix(positions));
    CHECK(prefix->bytes() == (kTaps - 1) * kChannels * sizeof(float));
    CHECK(prefix->bytes_beyond(cache) == prefix->bytes());
    CHECK(appends(*prefix, positions, 2));
  }
  CHECK_FALSE(cache.has_prefix(end + 1));
  CHECK(cache.prefix(0)->length() == 0);
  CHECK(appends(cache, end, 1));  // goes on alone
}

TEST_CASE("what a convolution's cache says it will take is what it takes") {
  ConvCache cache(kTaps, kChannels, mx::float32);
  CHECK(cache.bytes_for(0) == 0);
  for (int positions = 1; positions <= 6; ++positions) {
    CHECK(appends(cache, positions - 1, 1));
    CHECK(cache.bytes() == cache.bytes_for(positions));
  }
}

}  // namespace mlxd::test
