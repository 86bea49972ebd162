// Our kernels of packed matrices as operations of MLX's graph, on the default CPU stream.
#pragma once

#include <memory>

#include "kernels/cpu/packed_matrix.h"
#include "kernels/cpu/precision.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

using SharedMatrix = std::shared_ptr<const cpu::PackedMatrix>;

/// x [T, K] float32, any strides -> x W^T [T, N] float32.
mx::array packed_matmul(const SharedMatrix& w, const mx::array& x, Precision precision);

/// ids [T] int32, any stride -> the rows W[ids] [T, K] float32. An id outside of [0, N) fails the
/// evaluation with std::out_of_range.
mx::array packed_rows(const SharedMatrix& w, const mx::array& ids);

}  // namespace mlxd::kernels
