// See gated_delta.h.
#include "nn/gated_delta.h"

#include <cmath>

#include "kernels/glu.h"
#include "nn/layout.h"

namespace mlxd::nn {

namespace {

constexpr float kLengthEps = 1e-6f;  // of queries' and keys' lengths

// Each key head's rows lie together.
void cut_projections(const Weights& w, const GatedDeltaShape& s) {
  const int heads = s.value_heads / s.key_heads, values = heads * s.value_dim;
  split_rows(w / "in_proj_qkvz",
             {{w / "q_proj", s.key_dim},
              {w / "k_proj", s.key_dim},
              {w / "v_proj", values},
              {w / "z_proj", values}},
             s.key_heads);
  split_rows(w / "in_proj_ba", {{w / "b_proj", heads}, {w / "a_proj", heads}}, s.key_heads);
}

NormQkv make_qkv(const Weights& w, const GatedDeltaShape& s, const Norm& norm) {
  cut_projections(w, s);
  return {norm, Linear(w / "q_proj", s.hidden, s.keys()), Linear(w / "k_proj", s.hidden, s.keys()),
          Linear(w / "v_proj", s.hidden, s.values())};
}

NormQkv make_zba(const Weights& w, const GatedDeltaShape& s, const Norm& norm) {
  return {norm, Linear(w / "z_proj", s.hidden, s.values()),
          Linear(w / "b_proj", s.hidden, s.value_heads),
          Linear(w / "a_proj", s.hidden, s.value_heads)};
}

mx::array columns(const mx::array& x, int from, int count) {
  return mx::slice(x, {0, from}, {x.shape(0), from + count});
}

}  // namespace

GatedDelta::GatedDelta(const Weights& w, const GatedDeltaShape& s, const Norm& norm)
    : shape_(s),
      qkv_(make_qkv(w, s, norm)),
      zba_(make_zba(w, s, norm)),
      conv_(w / "conv1d", 2 * s.keys() + s.values(), s.taps, Bias::if_present),
      q_norm_(UnitNorm(s.key_dim, kLengthEps, 1 / std::sqrt(static_cast<float>(s.key_dim)))),
      k_norm_(UnitNorm(s.key_dim, kLengthEps, 1)),
      decay_rate_(take_decay_rate(w, s.value_heads)),
      decay_bias_(mx::astype(w.take_dense("dt_bias", {s.value_heads}), mx::float32)),
      recurrence_({s.value_heads, s.key_heads, s.key_dim, s.value_dim}),
      out_norm_(RmsNorm(w / "norm", s.value_dim, s.eps)) {}

mx::array GatedDelta::operator()(const mx::array& x, const Step& step, int place) const {
  const auto [q, k, v] = qkv_(x);
  const auto [z, b, a] = zba_(x);
  const mx::array mixed = kernels::activate(kernels::Activation::silu,
                                            conv_(mx::concatenate({q, k, v}, 1), step, place));
  const int keys = shape_.keys();
  const auto wide = [](const mx::array& value) { return mx::astype(value, mx::float32); };
  const mx::array y = recurrence_({.q = q_norm_(columns(mixed, 0, keys)),
                                   .k = k_norm_(columns(mixed, keys, keys)),
                                   .v = columns(mixed, 2 * keys, shape_.values()),
                                   .decay = mx::exp(decay_rate_ * softplus(wide(a) + decay_bias_)),
                                   .beta = mx::sigmoid(wide(b))},
                                  step, place + 1);
  return kernels::glu(kernels::Activation::silu, z, out_norm_(y));
}

void GatedDelta::add_caches(mx::Dtype type, SequenceCache& cache) const {
  cache.layers.push_back(conv_.make_cache(type));
  cache.layers.push_back(recurrence_.make_cache());
}

}  // namespace mlxd::nn
