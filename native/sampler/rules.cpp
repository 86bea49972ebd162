// The sampling rules as MLX graphs. Engine thread only.
#include "sampler/rules.h"

#include <limits>

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

mx::array typical_tokens(const mx::array& kept, const std::vector<float>& typical_p) {
  auto p = mx::divide(kept, mx::sum(kept, 1, true));
  auto none = mx::equal(p, mx::array(0.0f));
  auto surprise = mx::negative(mx::log(mx::where(none, mx::array(1.0f), p)));
  auto expected = mx::sum(mx::multiply(p, surprise), 1, true);
  auto distance = mx::where(none, mx::array(std::numeric_limits<float>::infinity()),
                            mx::abs(mx::subtract(surprise, expected)));
  auto order = mx::argsort(distance, 1);
  auto before = mx::cumsum(mx::take_along_axis(p, order, 1), 1, false, false);
  auto count = mx::astype(mx::sum(mx::less(before, column(typical_p)), 1, true), mx::int32);
  auto last = mx::maximum(mx::subtract(count, mx::array(1)), mx::array(0));
  auto limit = mx::take_along_axis(distance, mx::take_along_axis(order, last, 1), 1);
  return mx::logical_and(mx::logical_not(none), mx::less_equal(distance, limit));
}

mx::array xtc_tokens(const mx::array& kept, const std::vector<float>& threshold) {
  auto top = mx::multiply(mx::sum(kept, 1, true), column(threshold));
  auto is_top = mx::logical_and(mx::greater_equal(kept, top), mx::greater(kept, mx::array(0.0f)));
  auto infinity = mx::array(std::numeric_limits<float>::infinity());
  auto least = mx::min(mx::where(is_top, kept, infinity), 1, true);
  return mx::less_equal(kept, least);
}

mx::array penalize(const mx::array& logits, const Counts& counts, const Penalties& penalties) {
  auto repetition = column(penalties.repetition);
  auto repeated = mx::where(mx::less(logits, mx::array(0.0f)), mx::multiply(logits, repetition),
                            mx::divide(logits, repetition));
  auto zero = mx::array(0.0f);
  auto x = mx::where(mx::greater(counts.recent, zero), repeated, logits);
  auto subtracted = mx::add(column(penalties.presence),
                            mx::multiply(counts.generated, column(penalties.frequency)));
  return mx::where(mx::greater(counts.generated, zero), mx::subtract(x, subtracted), x);
}

mx::array only_allowed(const mx::array& logits, const mx::array& words) {
  const int rows = logits.shape(0), vocab = logits.shape(1), known = 32 * words.shape(1);
  auto bits = mx::right_shift(mx::expand_dims(words, 2), mx::arange(0, 32, mx::uint32));
  auto may = mx::reshape(mx::bitwise_and(bits, mx::array(1u)), {rows, known});
  if (known < vocab) {
    may = mx::concatenate({may, mx::zeros({rows, vocab - known}, mx::uint32)}, 1);
  } else if (known > vocab) {
    may = mx::slice(may, {0, 0}, {rows, vocab});
  }
  auto none = mx::array(-std::numeric_limits<float>::infinity());
  return mx::where(mx::astype(may, mx::bool_), logits, none);
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
