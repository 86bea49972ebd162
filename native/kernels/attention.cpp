#include "kernels/attention.h"

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace mlxd::kernels {
namespace {

void check_shapes(const mx::array& q, const mx::array& keys, const mx::array& values) {
  const bool fit = q.ndim() == 4 && keys.ndim() == 4 && keys.shape() == values.shape() &&
                   q.shape(0) == 1 && keys.shape(0) == 1 && q.shape(3) == keys.shape(3) &&
                   keys.shape(1) > 0 && q.shape(1) % keys.shape(1) == 0 &&
                   q.shape(2) <= keys.shape(2);
  if (fit) return;
  std::ostringstream text;
  text << "Attention: queries " << q.shape() << " do not fit keys " << keys.shape()
       << " and values " << values.shape() << ".";
  throw std::invalid_argument(text.str());
}

// [L, S], true where query i, at key position S - L + i, may see key j.
mx::array visible(int queries, int keys, std::optional<int> window) {
  const mx::array position = mx::expand_dims(mx::arange(keys - queries, keys), 1);
  const mx::array key = mx::expand_dims(mx::arange(keys), 0);
  const mx::array causal = key <= position;
  return window ? mx::logical_and(causal, key > position - *window) : causal;
}

mx::array fast_attention(const mx::array& q, const mx::array& keys, const mx::array& values,
                         const AttentionOptions& options) {
  const int queries = q.shape(2), positions = keys.shape(2);
  std::optional<mx::array> sinks;
  if (options.sinks) sinks = mx::astype(*options.sinks, q.dtype());
  if (options.window && positions > *options.window) {
    return mx::fast::scaled_dot_product_attention(q, keys, values, options.scale, "array",
                                                  visible(queries, positions, options.window),
                                                  sinks);
  }
  return mx::fast::scaled_dot_product_attention(q, keys, values, options.scale,
                                                queries > 1 ? "causal" : "", std::nullopt, sinks);
}

// MLX has no fused attention with a cap. In float32, as the models' own code has it.
mx::array capped_attention(const mx::array& q, const mx::array& keys, const mx::array& values,
                           const AttentionOptions& options) {
  const int heads = q.shape(1), kv_heads = keys.shape(1), queries = q.shape(2);
  const int dim = q.shape(3), positions = keys.shape(2);
  const mx::array grouped = mx::reshape(q, {kv_heads, heads / kv_heads, queries, dim});
  const auto to_heads = [&](const mx::array& x) {
    return mx::reshape(x, {kv_heads, 1, positions, dim});
  };
  const mx::array cap(*options.cap);
  mx::array scores =
      mx::astype(mx::matmul(grouped, mx::swapaxes(to_heads(keys), 2, 3)), mx::float32);
  scores = cap * mx::tanh(scores * mx::array(options.scale) / cap);
  scores = mx::where(visible(queries, positions, options.window), scores,
                     mx::array(-std::numeric_limits<float>::infinity()));
  if (options.sinks) {
    const mx::array sinks =
        mx::astype(mx::reshape(*options.sinks, {kv_heads, heads / kv_heads, 1, 1}), mx::float32);
    const mx::Shape column{kv_heads, heads / kv_heads, queries, 1};
    scores = mx::concatenate({scores, mx::broadcast_to(sinks, column)}, 3);
  }
  mx::array weights = mx::softmax(scores, -1);
  if (options.sinks) {
    weights = mx::slice(weights, {0, 0, 0, 0}, {kv_heads, heads / kv_heads, queries, positions});
  }
  const mx::array out = mx::matmul(mx::astype(weights, q.dtype()), to_heads(values));
  return mx::reshape(out, {1, heads, queries, dim});
}

// The first `count` columns of x times `factor`, the others as they are.
mx::array scaled_columns(const mx::array& x, int count, float factor) {
  const mx::array times(factor, x.dtype());
  if (count == x.shape(-1)) return x * times;
  const auto parts = mx::split(x, mx::Shape{count}, -1);
  return mx::concatenate({parts[0] * times, parts[1]}, -1);
}

}  // namespace

Rope::Rope(int dims, bool traditional, float theta, float scale,
           const std::optional<std::vector<float>>& periods, float magnitude)
    : dims_(dims), traditional_(traditional), theta_(theta), scale_(scale), magnitude_(magnitude) {
  if (periods) periods_ = mx::array(periods->begin(), {dims / 2});
  std::vector<float> frequencies;
  for (int i = 0; i < dims / 2; ++i) {
    const double period = periods ? (*periods)[i] : std::pow<double>(theta, 2.0 * i / dims);
    frequencies.push_back(static_cast<float>(scale / period));
  }
  table_ = std::make_shared<cpu::Rope>(std::move(frequencies), traditional, magnitude);
}

mx::array Rope::operator()(const mx::array& x, int offset) const {
  if (dims_ == 0) return x;
  const auto base = periods_ ? std::nullopt : std::optional(theta_);
  const mx::array scaled = magnitude_ == 1 ? x : scaled_columns(x, dims_, magnitude_);
  return mx::fast::rope(scaled, dims_, traditional_, base, scale_, offset, periods_);
}

mx::array attention(const mx::array& q, const mx::array& keys, const mx::array& values,
                    const AttentionOptions& options) {
  check_shapes(q, keys, values);
  const mx::array out = options.cap ? capped_attention(q, keys, values, options)
                                    : fast_attention(q, keys, values, options);
  return mx::reshape(mx::transpose(out, {0, 2, 1, 3}), {q.shape(2), -1});
}

}  // namespace mlxd::kernels
