// The activation of an MLP where it stands alone. The one place that says which kernel is used
// when:
//   on a CPU, float32           ours (cpu/), one operation
//   anything else, on a GPU     MLX's operations
// Engine thread only.
#pragma once

#include "kernels/activation.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

/// What `activation` makes of gate and up, of one shape and type -> the same.
mx::array glu(Activation activation, const mx::array& gate, const mx::array& up);

/// activation(x) of x [T, N], of its shape and type; not clamped_silu, which throws
/// std::invalid_argument.
mx::array activate(Activation activation, const mx::array& x);

}  // namespace mlxd::kernels
