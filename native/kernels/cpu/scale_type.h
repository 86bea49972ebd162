// The 16-bit float formats that scales are stored in, read one at a time; vector code has its own
// conversions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mlxd::kernels::cpu {

enum class ScaleType : uint8_t { f16, bf16, f32 };

inline int scale_bytes(ScaleType type) { return type == ScaleType::f32 ? 4 : 2; }

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

/// Element `index` of an array of scales.
inline float read_scale(const void* scales, ScaleType type, size_t index) {
  if (type == ScaleType::f32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(scales) + 4 * index, sizeof(value));
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(scales) + 2 * index, sizeof(bits));
  return type == ScaleType::f16 ? f16_to_float(bits) : bf16_to_float(bits);
}

}  // namespace mlxd::kernels::cpu
