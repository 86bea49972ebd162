// See norm.h.
#include "nn/norm.h"

namespace mlxd::nn {

mx::array RmsNorm::operator()(const mx::array& x) const {
  // Norm weights are often wider than the rest; they must not widen what follows.
  return mx::astype(mx::fast::rms_norm(x, weight_, eps_), x.dtype());
}

Qkv NormQkv::operator()(const mx::array& x) const {
  const mx::array normed = norm_(x);
  return {q_(normed), k_(normed), v_(normed)};
}

mx::array NormSwiGlu::operator()(const mx::array& x) const {
  const mx::array normed = norm_(x);
  const mx::array gate = gate_(normed);
  return gate * mx::sigmoid(gate) * up_(normed);
}

}  // namespace mlxd::nn
