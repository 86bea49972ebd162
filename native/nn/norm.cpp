// See norm.h.
#include "nn/norm.h"

#include "kernels/norm.h"

namespace mlxd::nn {

mx::array RmsNorm::operator()(const mx::array& x) const {
  return kernels::rms_norm(x, weight_, eps_);
}

Qkv NormQkv::operator()(const mx::array& x) const {
  const auto q = q_.layer(), k = k_.layer(), v = v_.layer();
  if (kernels::can_fuse(x, {q, k, v})) {
    const auto out = kernels::norm_linears(x, norm_.weight(), norm_.eps(), {q, k, v});
    return {out[0], out[1], out[2]};
  }
  const mx::array normed = norm_(x);
  return {q_(normed), k_(normed), v_(normed)};
}

mx::array NormSwiGlu::operator()(const mx::array& x) const {
  const auto gate_layer = gate_.layer(), up_layer = up_.layer();
  if (kernels::can_fuse(x, {gate_layer, up_layer})) {
    return kernels::norm_swiglu(x, norm_.weight(), norm_.eps(), gate_layer, up_layer);
  }
  const mx::array normed = norm_(x);
  const mx::array gate = gate_(normed);
  return gate * mx::sigmoid(gate) * up_(normed);
}

}  // namespace mlxd::nn
