// The random numbers of sampling: one per sampled token, a pure function of seed and position. Any
// thread.
#pragma once

#include <cstdint>

namespace mlxd {

/// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
inline uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Uniform in [0, 1 - 2^-23], a multiple of 2^-23. No finer: the product with a float32 total then
/// always rounds to less than that total, which the inverse of a cumulative distribution needs.
inline float uniform(uint64_t seed, uint64_t position) {
  return static_cast<float>(mix64(mix64(seed) + position) >> 41) * 0x1p-23f;
}

}  // namespace mlxd
