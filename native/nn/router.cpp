// See router.h.
#include "nn/router.h"

#include <limits>

namespace mlxd::nn {

namespace {

// The indices of the `count` largest of each row, in no order.
mx::array best(const mx::array& scores, int count) {
  const mx::array order = mx::argpartition(mx::negative(scores), count - 1, -1);
  return mx::astype(mx::slice(order, {0, 0}, {scores.shape(0), count}), mx::int32);
}

Routing sparse_mixer(const mx::array& logits, const RouterOptions& options) {
  const mx::array none(-std::numeric_limits<float>::infinity());
  const mx::array near(2 * options.jitter), all = mx::arange(options.experts);
  mx::array left = logits;
  std::vector<mx::array> experts, weights;
  for (int i = 0; i < options.choices; ++i) {
    const mx::array most = mx::max(left, -1, true);
    const mx::array best = mx::argmax(left, -1, true);
    const mx::array distance = (most - logits) / mx::maximum(mx::abs(logits), most);
    const mx::array scores = mx::softmax(mx::where(distance > near, none, left), -1);
    experts.push_back(mx::astype(best, mx::int32));
    weights.push_back(mx::take_along_axis(scores, best, -1));
    left = mx::where(mx::equal(all, experts.back()), none, left);
  }
  return {mx::concatenate(experts, -1), mx::concatenate(weights, -1)};
}

}  // namespace

Router::Router(const Weights& w, int inputs, const RouterOptions& options)
    : linear_(w, inputs, options.experts), options_(options) {
  if (options.corrected) {
    const mx::array bias = w.take("e_score_correction_bias", {options.experts});
    correction_ = mx::astype(bias, mx::float32);
    mx::eval(*correction_);
  }
}

// Scores of experts in groups that are not chosen become -infinity.
mx::array Router::in_chosen_groups(const mx::array& scores) const {
  const int rows = scores.shape(0), groups = options_.groups;
  const mx::array grouped = mx::reshape(scores, {rows, groups, -1});
  const mx::array group_scores = mx::sum(mx::topk(grouped, options_.group_best, -1), -1);
  const mx::array chosen = best(group_scores, options_.chosen_groups);  // [T, chosen]
  const mx::array is_chosen =
      mx::any(mx::equal(mx::expand_dims(mx::arange(groups), 1), mx::expand_dims(chosen, 1)), -1);
  const mx::array none(-std::numeric_limits<float>::infinity());
  return mx::reshape(mx::where(mx::expand_dims(is_chosen, 2), grouped, none), scores.shape());
}

Routing Router::operator()(const mx::array& x) const {
  const mx::array logits = mx::astype(linear_(x), mx::float32);
  if (options_.score == RouterScore::sparse_mixer) return sparse_mixer(logits, options_);
  const mx::array scores =
      options_.score == RouterScore::softmax ? mx::softmax(logits, -1) : mx::sigmoid(logits);
  mx::array choosing = correction_ ? scores + *correction_ : scores;
  if (options_.groups > options_.chosen_groups) choosing = in_chosen_groups(choosing);
  const mx::array experts = best(choosing, options_.choices);
  mx::array weights = mx::take_along_axis(scores, experts, -1);
  if (options_.normalized) weights = weights / mx::sum(weights, -1, true);
  if (options_.scale != 1) weights = weights * mx::array(options_.scale);
  return {experts, weights};
}

}  // namespace mlxd::nn
