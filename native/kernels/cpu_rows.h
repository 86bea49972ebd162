// Rows and vectors of an evaluated array as our kernels take them.
#pragma once

#include <vector>

#include "kernels/cpu/prepared_input.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

/// Rows of x [T, K] as they lie; where columns are apart they are first copied together into
/// `copy`.
inline cpu::Rows gather_rows(const mx::array& x, std::vector<float>& copy) {
  const int rows = x.shape(0), columns = x.shape(1);
  const int64_t row_stride = x.strides(0), column_stride = x.strides(1);
  const float* data = x.data<float>();
  if (column_stride == 1 && row_stride >= 0) return {data, size_t(row_stride), rows};
  copy.resize(size_t(rows) * columns);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      copy[size_t(r) * columns + c] = data[r * row_stride + c * column_stride];
    }
  }
  return {copy.data(), size_t(columns), rows};
}

/// A vector [K], likewise.
inline const float* gather_vector(const mx::array& x, std::vector<float>& copy) {
  if (x.strides(0) == 1 || x.size() == 1) return x.data<float>();
  for (int i = 0; i < x.shape(0); ++i) copy.push_back(x.data<float>()[i * x.strides(0)]);
  return copy.data();
}

}  // namespace mlxd::kernels
