// Norms where they stand alone, and how fused leaves are told of one. The one place that says which
// kernel is used when:
//   on a CPU, x float32         ours (cpu/), one operation
//   anything else, on a GPU     mx::fast
// Engine thread only.
#pragma once

#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

/// RMS norm, x * weight / sqrt(mean(x^2) + eps); if `centred` layer norm, the same of x - mean(x),
/// plus the bias if there is one. Somebody else holds weight and bias, [width] both, of any float
/// type.
struct NormLayer {
  const mx::array& weight;
  float eps;
  bool centred = false;
  const mx::array* bias = nullptr;
};

/// The norm of each run of `width` columns of x [..., n * width]: the heads of a row, say. Returns
/// x's shape and type.
mx::array norm(const mx::array& x, const NormLayer& layer);

}  // namespace mlxd::kernels
