// See linear.h.
#include "nn/linear.h"

namespace mlxd::nn {

Linear::Linear(const Weights& w, int inputs, int outputs, Bias bias)
    : weight_(take_matrix(w, outputs, inputs)) {
  if (bias == Bias::required || w.has("bias")) bias_ = w.take_dense("bias", {outputs});
}

mx::array Linear::operator()(const mx::array& x) const {
  const mx::array y = weight_.matmul(x);
  return bias_ ? y + mx::astype(*bias_, y.dtype()) : y;
}

}  // namespace mlxd::nn
