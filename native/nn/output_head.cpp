// See output_head.h.
#include "nn/output_head.h"

#include "kernels/leaves.h"

namespace mlxd::nn {

mx::array OutputHead::operator()(const mx::array& x, const Embedding& embedding) const {
  const kernels::LinearLayer layer = linear_ ? linear_->layer() : embedding.matrix();
  if (kernels::can_fuse(x, {layer})) {
    return kernels::norm_linears(x, norm_.layer(), {layer})[0];
  }
  const mx::array normed = norm_(x);
  return linear_ ? (*linear_)(normed) : embedding.as_linear(normed);
}

}  // namespace mlxd::nn
