// See router.h.
#include "nn/router.h"

namespace mlxd::nn {

namespace {

// The indices of the `count` largest of each row, in no order.
mx::array best(const mx::array& scores, int count) {
  const mx::array order = mx::argpartition(mx::negative(scores), count - 1, -1);
  return mx::astype(mx::slice(order, {0, 0}, {scores.shape(0), count}), mx::int32);
}

}  // namespace

Router::Router(const Weights& w, int inputs, const RouterOptions& options)
    : linear_(w, inputs, options.experts), options_(options) {}

Routing Router::operator()(const mx::array& x) const {
  const mx::array logits = mx::astype(linear_(x), mx::float32);
  const mx::array scores =
      options_.score == RouterScore::softmax ? mx::softmax(logits, -1) : mx::sigmoid(logits);
  const mx::array experts = best(scores, options_.choices);
  mx::array weights = mx::take_along_axis(scores, experts, -1);
  if (options_.normalized) weights = weights / mx::sum(weights, -1, true);
  if (options_.scale != 1) weights = weights * mx::array(options_.scale);
  return {experts, weights};
}

}  // namespace mlxd::nn
