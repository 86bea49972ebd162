// The cache of a recurrence: which prefixes it has, and what it holds.
#include "cache/state_cache.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace mlxd::test {

namespace {

constexpr size_t kBytes = 4;

// A state that has seen so many positions.
mx::array seen(int positions) { return mx::full({1}, static_cast<float>(positions)); }

void advance(StateCache& cache, int count) {
  const int end = cache.length() + count;
  cache.advance(count, {seen(end), count > 1 ? std::optional(seen(end - 1)) : std::nullopt});
}

float last(const LayerCache& cache) {
  return static_cast<const StateCache&>(cache).last()->item<float>();
}

}  // namespace

TEST_CASE("a recurrence's cache has prefixes where its last three steps end, and a token before") {
  StateCache cache(kBytes);
  CHECK_FALSE(cache.last());
  CHECK(cache.state().empty());
  for (int count : {10, 7, 1, 5}) advance(cache, count);
  CHECK(cache.length() == 23);
  for (int positions = 1; positions <= 24; ++positions) {
    CAPTURE(positions);
    const bool has =
        positions == 16 || positions == 17 || positions == 18 || positions == 22 || positions == 23;
    CHECK(cache.has_prefix(positions) == has);
    if (!has) {
      CHECK_THROWS_AS(cache.prefix(positions), std::invalid_argument);
      continue;
    }
    const auto prefix = cache.prefix(positions);
    CHECK(prefix->length() == positions);
    CHECK(last(*prefix) == static_cast<float>(positions));
    CHECK(prefix->bytes() == kBytes);
    CHECK(prefix->bytes_beyond(cache) == 0);
  }
  CHECK(cache.prefix(0)->length() == 0);
}

TEST_CASE("a prefix of a recurrence's cache and the cache go on alone") {
  StateCache cache(kBytes);
  advance(cache, 3);
  const auto prefix = cache.prefix(2);
  advance(static_cast<StateCache&>(*prefix), 4);
  CHECK(last(*prefix) == 6);
  CHECK(last(cache) == 3);
  CHECK(cache.bytes_beyond(*prefix) == kBytes);  // they share the state of two positions
  CHECK(prefix->bytes_beyond(cache) == 2 * kBytes);
}

TEST_CASE("what a recurrence's cache says it will take is what it takes") {
  StateCache cache(kBytes);
  CHECK(cache.bytes_for(0) == 0);
  for (int positions = 1; positions <= 6; ++positions) {
    advance(cache, 1);
    CHECK(cache.bytes() == cache.bytes_for(positions));
  }
}

}  // namespace mlxd::test
