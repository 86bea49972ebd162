// See linear.h.
#include "nn/linear.h"

namespace mlxd::nn {

Linear::Linear(const Weights& w, int inputs, int outputs, Bias bias)
    : weight_(take_matrix(w, outputs, inputs)) {
  if (bias == Bias::required || w.has("bias")) bias_ = w.take_dense("bias", {outputs});
  if (w.has("lora_a")) low_rank_.emplace(w, inputs, outputs);
}

mx::array Linear::operator()(const mx::array& x) const {
  mx::array y = weight_.matmul(x);
  if (bias_) y = y + mx::astype(*bias_, y.dtype());
  return low_rank_ ? y + (*low_rank_)(x) : y;
}

}  // namespace mlxd::nn
