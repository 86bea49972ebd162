// The sampling rules as MLX graphs. Engine thread only.
#include "sampler/rules.h"

namespace mlxd {
namespace {

template <typename T>
mx::array column(const std::vector<T>& values) {
  return mx::array(values.begin(), mx::Shape{static_cast<int>(values.size()), 1});
}

}  // namespace

mx::array temper(const mx::array& logits, const std::vector<float>& temperatures) {
  return mx::divide(logits, column(temperatures));
}

mx::array min_p_floor(const mx::array& probabilities, const std::vector<float>& min_p) {
  return mx::multiply(mx::max(probabilities, 1, true), column(min_p));
}

mx::array top_k_floor(const mx::array& best, const std::vector<int>& top_k) {
  return mx::take_along_axis(best, mx::subtract(column(top_k), mx::array(1)), 1);
}

mx::array top_p_floor(const mx::array& best, const std::vector<float>& top_p) {
  auto before = mx::cumsum(best, 1, /* reverse= */ false, /* inclusive= */ false);
  auto kept = mx::sum(mx::less(before, column(top_p)), 1, true);
  auto last = mx::maximum(mx::subtract(mx::astype(kept, mx::int32), mx::array(1)), mx::array(0));
  return mx::take_along_axis(best, last, 1);
}

Scored score(const mx::array& logits, const mx::array& tokens, int n) {
  auto exact = mx::astype(logits, mx::float32);
  auto chosen = mx::expand_dims(tokens, 1);
  if (n > 0) {
    auto order = mx::argsort(mx::negative(exact), 1);
    auto best = mx::astype(mx::slice(order, {0, 0}, {order.shape(0), n}), mx::int32);
    chosen = mx::concatenate({chosen, best}, 1);
  }
  auto logprobs =
      mx::subtract(mx::take_along_axis(exact, chosen, 1), mx::logsumexp(exact, 1, true));
  return {chosen, logprobs};
}

mx::array draw(const mx::array& weights, const std::vector<float>& uniforms) {
  const int vocab = weights.shape(1);
  auto cumulative = mx::cumsum(weights, 1);
  auto total = mx::slice(cumulative, {0, vocab - 1}, {weights.shape(0), vocab});
  auto target = mx::multiply(total, column(uniforms));
  auto index = mx::sum(mx::less_equal(cumulative, target), 1);
  // Rows of NaN weights have no place to fall; keep them inside the vocabulary.
  return mx::minimum(mx::astype(index, mx::int32), mx::array(vocab - 1));
}

}  // namespace mlxd
