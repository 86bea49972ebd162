// The norms of models, told apart by data.
#pragma once

#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {

/// RMS norm, x * weight / sqrt(mean(x^2) + eps); if `centred` layer norm, the same of x - mean(x),
/// plus the bias, which may be null.
struct Norm {
  const float* weight;
  float eps;
  bool centred = false;
  const float* bias = nullptr;

  /// Of one row, x [width] -> out [width]; out may be x.
  void operator()(const float* x, int width, float* out, const KernelTable& table) const {
    if (centred) return table.layer_norm(x, weight, bias, width, eps, out);
    table.rms_norm(x, weight, width, eps, out);
  }
};

}  // namespace mlxd::kernels::cpu
