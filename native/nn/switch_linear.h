// A linear layer of a mixture of experts.
#pragma once

#include "nn/matrix.h"

namespace mlxd::nn {

/// x W[e]^T, W one of several matrices, chosen for each token.
class SwitchLinear {
 public:
  /// Takes `weight` [experts, outputs, inputs] (or its quantized form) of `w`.
  SwitchLinear(const Weights& w, int experts, int inputs, int outputs)
      : experts_(take_experts(w, experts, outputs, inputs)) {}

  /// x [T, 1, inputs], or [T, S, inputs] with a row for each choice; experts int32 [T, S] ->
  /// [T, S, outputs]: row s of token t is that of expert experts[t, s].
  mx::array operator()(const mx::array& x, const mx::array& experts) const {
    return experts_.matmul(x, experts);
  }

 private:
  kernels::ExpertMatrices experts_;
};

}  // namespace mlxd::nn
