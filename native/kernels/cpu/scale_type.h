// The floats that scales, and the weights of dense matrices, are stored as, read one at a time;
// vector code has its own conversions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mlxd::kernels::cpu {

enum class ScaleType : uint8_t { f16, bf16, f32, e8m0 };

inline int scale_bytes(ScaleType type) {
  return type == ScaleType::f32 ? 4 : type == ScaleType::e8m0 ? 1 : 2;
}

inline float bf16_to_float(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

inline float f16_to_float(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1f;
  uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0) {  // zero and denormals: mantissa * 2^-24, exact in float
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  uint32_t widened = exponent == 0x1f ? 0xff : exponent + 112;  // infinity and NaN keep theirs
  return std::bit_cast<float>(sign | widened << 23 | mantissa << 13);
}

/// 2^-127: what the exponent 0 of e8m0 stands for, as the bits of a float.
constexpr int kSmallestExponent = 0x00400000;

/// 2^(bits - 127); infinity at 255.
inline float e8m0_to_float(uint8_t bits) {
  return std::bit_cast<float>(bits == 0 ? kSmallestExponent : int32_t(bits) << 23);
}

/// A 4-bit float e2m1: sign, two bits of exponent, one of fraction.
inline float e2m1_to_float(int bits) {
  constexpr float kMagnitudes[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  return bits & 8 ? -kMagnitudes[bits & 7] : kMagnitudes[bits & 7];
}

/// Element `index` of an array of scales.
inline float read_scale(const void* scales, ScaleType type, size_t index) {
  if (type == ScaleType::f32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(scales) + 4 * index, sizeof(value));
    return value;
  }
  if (type == ScaleType::e8m0) return e8m0_to_float(static_cast<const uint8_t*>(scales)[index]);
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(scales) + 2 * index, sizeof(bits));
  return type == ScaleType::f16 ? f16_to_float(bits) : bf16_to_float(bits);
}

}  // namespace mlxd::kernels::cpu
