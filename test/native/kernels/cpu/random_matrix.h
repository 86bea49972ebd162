// Random matrices of every format for the kernel tests, with their values computed on their own in
// double precision.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
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

/// A float of 8 bits or fewer, whose greatest exponent is one like the others.
inline double decode_finite(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  if (exponent != (1 << exponent_bits) - 1) return decode_float(bits, exponent_bits, mantissa_bits);
  return 2 * decode_float(bits - (1u << mantissa_bits), exponent_bits, mantissa_bits);
}

inline double decode_scale(uint32_t bits, ScaleType type) {
  if (type == ScaleType::e4m3) return decode_finite(bits, 4, 3);
  if (type == ScaleType::e8m0) return std::ldexp(1.0, static_cast<int>(bits) - 127);
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
  MatrixFormat format;
  std::vector<uint32_t> weight;  // the words of a row end where it ends, but for dense ones
  Scales scales, biases;
  std::vector<double> values;  // [rows, columns]
  std::vector<double> coarse;  // |scale| * q + |bias|: what rounding errors are measured against

  /// Scales of magnitudes 2^-9 .. 2^-3, of both signs where formats have such.
  RandomMatrix(const MatrixFormat& f, std::mt19937& random)
      : format(f), scales{f.scale_type, {}}, biases{f.scale_type, {}} {
    const size_t size = size_t(f.rows) * f.columns;
    if (f.encoding == Encoding::dense) {
      for (size_t i = 0; i < size; ++i) scales.push(scale_bits(random));
      weight.resize((scales.bytes.size() + 3) / 4);
      std::memcpy(weight.data(), scales.bytes.data(), scales.bytes.size());
    } else {
      weight.resize(size * f.bits / 32);
      for (auto& word : weight) word = random();
      for (size_t i = 0; i < size / f.group_size; ++i) {
        scales.push(scale_bits(random));
        if (f.encoding == Encoding::affine) biases.push(scale_bits(random));
      }
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
    for (size_t i = 0; i < size_t(format.rows) * format.columns; ++i) decode_weight(i);
  }

 private:
  void decode_weight(size_t index) {
    if (format.encoding == Encoding::dense) {
      values.push_back(scales.value(index));
      coarse.push_back(std::abs(values.back()));
      return;
    }
    uint32_t q = 0;  // bit by bit, from the lowest, of all weights one after another
    for (int b = 0; b < format.bits; ++b) {
      const size_t bit = index * format.bits + b;
      q |= (weight[bit / 32] >> bit % 32 & 1) << b;
    }
    const double scale = scales.value(index / format.group_size);
    if (format.encoding == Encoding::affine) {
      const double bias = biases.value(index / format.group_size);
      values.push_back(scale * q + bias);
      coarse.push_back(std::abs(scale) * q + std::abs(bias));
    } else if (format.encoding == Encoding::float4) {
      values.push_back(scale * decode_finite(q, 2, 1));
      coarse.push_back(scale * 18);  // kernels add 6 and take it off again
    } else {
      values.push_back(scale * decode_finite(q, 4, 3));
      coarse.push_back(std::abs(values.back()));
    }
  }

  uint32_t scale_bits(std::mt19937& random) const {
    const uint32_t sign = random() & 1, above = random() & 3;  // exponent -8 .. -5
    switch (format.scale_type) {
      case ScaleType::f32:
        return sign << 31 | (119 + above) << 23 | (random() & 0x7fffff);
      case ScaleType::bf16:
        return sign << 15 | (119 + above) << 7 | (random() & 0x7f);
      case ScaleType::f16:
        return sign << 15 | (7 + above) << 10 | (random() & 0x3ff);
      case ScaleType::e4m3:
        return above << 3 | (random() & 7) | 1;  // some of them denormal
      case ScaleType::e8m0:
        break;
    }
    return 119 + above;
  }
};

/// Those of floats of few bits. Columns are a multiple of 32.
inline std::vector<MatrixFormat> float_formats(int rows, int columns) {
  return {mxfp4_format(rows, columns), mxfp8_format(rows, columns), nvfp4_format(rows, columns)};
}

/// A format of each kind of weights: affine of all bits, floats of few bits, dense. Columns are a
/// multiple of `group`, one or more, which is kept to where the format leaves it open.
inline std::vector<MatrixFormat> formats(int rows, int columns, int group = 32) {
  std::vector<MatrixFormat> all;
  for (int bits : {2, 3, 4, 5, 6, 8}) {
    all.push_back({rows, columns, group, bits, ScaleType::f16});
  }
  for (const auto& format : float_formats(rows, columns)) all.push_back(format);
  for (auto type : {ScaleType::f16, ScaleType::bf16, ScaleType::f32}) {
    all.push_back(dense_format(rows, columns, type));
  }
  return all;
}

inline std::vector<float> random_rows(size_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (auto& value : x) value = normal(random);
  return x;
}

}  // namespace mlxd::kernels::cpu
