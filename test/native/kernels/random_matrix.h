// Random quantized matrices for the kernel tests, with their values computed on their own in double
// precision.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/cpu/packed_matrix.h"

namespace mlxd::kernels::cpu {

/// The value of a float of `exponent_bits` and `mantissa_bits` with a sign bit, read by its
/// definition.
inline double decode_float(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const double fraction = std::ldexp(bits & ((1u << mantissa_bits) - 1), -mantissa_bits);
  const double sign = bits >> (exponent_bits + mantissa_bits) & 1 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return sign * (fraction == 0 ? INFINITY : NAN);
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  return sign * std::ldexp(1 + fraction, exponent - bias);
}

inline double decode_scale(uint32_t bits, ScaleType type) {
  if (type == ScaleType::f32) return decode_float(bits, 8, 23);
  return type == ScaleType::f16 ? decode_float(bits, 5, 10) : decode_float(bits, 8, 7);
}

/// An array of scales of one type, as a checkpoint holds it.
struct Scales {
  ScaleType type;
  std::vector<uint8_t> bytes;

  void push(uint32_t bits) {
    for (int i = 0; i < scale_bytes(type); ++i)
      bytes.push_back(static_cast<uint8_t>(bits >> 8 * i));
  }
  double value(size_t index) const {
    uint32_t bits = 0;
    for (int i = 0; i < scale_bytes(type); ++i) {
      bits |= uint32_t(bytes[index * scale_bytes(type) + i]) << 8 * i;
    }
    return decode_scale(bits, type);
  }
};

struct RandomMatrix {
  QuantizedFormat format;
  std::vector<uint32_t> weight;
  Scales scales, biases;
  std::vector<double> values;  // [rows, columns]
  std::vector<double> coarse;  // |scale| * q + |bias|: what rounding errors are measured against

  /// Scales of magnitudes 2^-8 .. 2^-5, of both signs.
  RandomMatrix(const QuantizedFormat& f, std::mt19937& random)
      : format(f), scales{f.scale_type, {}}, biases{f.scale_type, {}} {
    weight.resize(size_t(f.rows) * f.columns * f.bits / 32);
    for (auto& word : weight) word = random();
    for (int i = 0; i < f.rows * f.columns / f.group_size; ++i) {
      scales.push(scale_bits(random));
      biases.push(scale_bits(random));
    }
    decode();
  }

  PackedMatrix pack(ThreadPool& pool) const {
    return {format, weight.data(), scales.bytes.data(), biases.bytes.data(), pool};
  }

  /// Computes `values` and `coarse` from the rest.
  void decode() {
    values.clear();
    coarse.clear();
    const int per_word = 32 / format.bits;
    for (size_t i = 0; i < size_t(format.rows) * format.columns; ++i) {
      const uint32_t q =
          weight[i / per_word] >> (i % per_word * format.bits) & ((1u << format.bits) - 1);
      const double scale = scales.value(i / format.group_size);
      const double bias = biases.value(i / format.group_size);
      values.push_back(scale * q + bias);
      coarse.push_back(std::abs(scale) * q + std::abs(bias));
    }
  }

 private:
  uint32_t scale_bits(std::mt19937& random) const {
    const uint32_t sign = random() & 1, above = random() & 3;  // exponent -8 .. -5
    if (format.scale_type == ScaleType::f32) {
      return sign << 31 | (119 + above) << 23 | (random() & 0x7fffff);
    }
    if (format.scale_type == ScaleType::bf16)
      return sign << 15 | (119 + above) << 7 | (random() & 0x7f);
    return sign << 15 | (7 + above) << 10 | (random() & 0x3ff);
  }
};

inline std::vector<float> random_rows(size_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (auto& value : x) value = normal(random);
  return x;
}

}  // namespace mlxd::kernels::cpu
