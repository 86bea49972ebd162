// A linear layer that is another one for each head.
#pragma once

#include "nn/matrix.h"

namespace mlxd::nn {

/// y[t, h] = x[t, h] W[h]^T.
class HeadLinear {
 public:
  /// Takes `weight` [heads, outputs, inputs] (or its quantized form) of `w`.
  HeadLinear(const Weights& w, int heads, int inputs, int outputs)
      : heads_(take_experts(w, heads, outputs, inputs)) {}

  /// x [T, heads, inputs] -> [T, heads, outputs].
  mx::array operator()(const mx::array& x) const { return heads_.matmul_each(x); }

 private:
  kernels::ExpertMatrices heads_;
};

}  // namespace mlxd::nn
