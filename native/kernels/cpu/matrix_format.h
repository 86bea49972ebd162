// How the weights of a matrix are stored: plain data. Knows no memory and no kernel.
#pragma once

#include <cstddef>

#include "kernels/cpu/scale_type.h"

namespace mlxd::kernels::cpu {

enum class Encoding : uint8_t {
  affine,  // w = scale * q + bias, q an integer of `bits` bits; a scale and a bias for each group
  float4,  // w = scale * q, q a 4-bit float e2m1; a scale e8m0 or e4m3 for each group
  float8,  // w = scale * q, q an 8-bit float e4m3; a scale e8m0 for each group
  dense,   // w itself, of the type that else scales have
};

/// A matrix [rows, columns].
struct MatrixFormat {
  int rows;
  int columns;
  int group_size;  // columns that share a scale; of dense ones, whose products are summed first
  int bits;        // of a weight
  ScaleType scale_type;
  Encoding encoding = Encoding::affine;
};

/// The microscaling formats of the Open Compute Project: groups of 32.
inline MatrixFormat mxfp4_format(int rows, int columns) {
  return {rows, columns, 32, 4, ScaleType::e8m0, Encoding::float4};
}
inline MatrixFormat mxfp8_format(int rows, int columns) {
  return {rows, columns, 32, 8, ScaleType::e8m0, Encoding::float8};
}

/// NVIDIA's: groups of 16.
inline MatrixFormat nvfp4_format(int rows, int columns) {
  return {rows, columns, 16, 4, ScaleType::e4m3, Encoding::float4};
}

/// Weights of 16 or 32 bits.
inline MatrixFormat dense_format(int rows, int columns, ScaleType type) {
  return {rows, columns, 64, 8 * scale_bytes(type), type, Encoding::dense};
}

}  // namespace mlxd::kernels::cpu
