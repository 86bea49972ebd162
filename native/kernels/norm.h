// Norms where they stand alone. The one place that says which kernel is used when:
//   on a CPU, x float32         ours (cpu/), one operation
//   anything else, on a GPU     mx::fast
// Engine thread only.
#pragma once

#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

/// x * weight / sqrt(mean(x^2) + eps) over each run of `width` columns of x [..., n * width], with
/// weight [width]: the heads of a row, say. Returns x's shape and type.
mx::array rms_norm(const mx::array& x, const mx::array& weight, float eps);

}  // namespace mlxd::kernels
