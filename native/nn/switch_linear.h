// A linear layer of a mixture of experts.
#pragma once

#include <optional>

#include "nn/linear.h"

namespace mlxd::nn {

/// x W[e]^T + b[e], the layer chosen for each token.
class SwitchLinear {
 public:
  /// Takes `weight` [experts, outputs, inputs] (or its quantized form) of `w`, and `bias` [experts,
  /// outputs] if it is there or required.
  SwitchLinear(const Weights& w, int experts, int inputs, int outputs, Bias bias)
      : experts_(take_experts(w, experts, outputs, inputs)) {
    if (bias == Bias::required || w.has("bias")) bias_ = w.take_dense("bias", {experts, outputs});
  }

  /// x [T, 1, inputs], or [T, S, inputs] with a row for each choice; experts int32 [T, S] ->
  /// [T, S, outputs]: row s of token t is that of expert experts[t, s].
  mx::array operator()(const mx::array& x, const mx::array& experts) const {
    const mx::array y = experts_.matmul(x, experts);
    return bias_ ? y + mx::astype(mx::take(*bias_, experts, 0), y.dtype()) : y;
  }

 private:
  kernels::ExpertMatrices experts_;
  std::optional<mx::array> bias_;
};

}  // namespace mlxd::nn
