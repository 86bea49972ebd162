// The floats that scales and weights are stored as, read one at a time; vector code has its own
// conversions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mlxd::kernels::cpu {

enum class ScaleType : uint8_t { f16, bf16, f32, e8m0, e4m3 };

inline int scale_bytes(ScaleType type) {
  if (type == ScaleType::e8m0 || type == ScaleType::e4m3) return 1;
  return type == ScaleType::f32 ? 4 : 2;
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

/// What an 8-bit float e4m3 (sign, four bits of exponent, three of fraction) is short of when its
/// exponent and fraction lie where a float32 has them.
constexpr float kFloat8Unit = 0x1p120f;
/// Where they lie there, when the sign has come down to them: an arithmetic shift from the top.
constexpr int kFloat8Bits = static_cast<int>(0x87f00000);

/// An 8-bit float e4m3. The bits of its NaN, which no quantizer writes, are 480: to tell them apart
/// would cost an instruction for each weight.
inline float e4m3_to_float(uint8_t bits) {
  const float magnitude = std::bit_cast<float>(uint32_t(bits & 0x7f) << 20) * kFloat8Unit;
  return bits & 0x80 ? -magnitude : magnitude;
}

/// Element `index` of an array of scales.
inline float read_scale(const void* scales, ScaleType type, size_t index) {
  if (type == ScaleType::f32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(scales) + 4 * index, sizeof(value));
    return value;
  }
  if (type == ScaleType::e8m0) return e8m0_to_float(static_cast<const uint8_t*>(scales)[index]);
  if (type == ScaleType::e4m3) return e4m3_to_float(static_cast<const uint8_t*>(scales)[index]);
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(scales) + 2 * index, sizeof(bits));
  return type == ScaleType::f16 ? f16_to_float(bits) : bf16_to_float(bits);
}

}  // namespace mlxd::kernels::cpu
