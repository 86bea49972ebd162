// Rows of an evaluated array as our kernels take them.
#pragma once

#include <vector>

#include "kernels/cpu/prepared_input.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

/// Rows of x [T, K], or x [K] as one, as they lie; where columns are apart they are first copied
/// together into `copy`.
inline cpu::Rows gather_rows(const mx::array& x, std::vector<float>& copy) {
  const bool one = x.ndim() == 1;
  const int rows = one ? 1 : x.shape(0), columns = x.shape(-1);
  const int64_t row_stride = one ? columns : x.strides(0), column_stride = x.strides(-1);
  const float* data = x.data<float>();
  if ((column_stride == 1 || columns == 1) && row_stride >= 0) {
    return {data, size_t(row_stride), rows};
  }
  copy.resize(size_t(rows) * columns);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      copy[size_t(r) * columns + c] = data[r * row_stride + c * column_stride];
    }
  }
  return {copy.data(), size_t(columns), rows};
}

}  // namespace mlxd::kernels
