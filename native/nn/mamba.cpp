// See mamba.h.
#include "nn/mamba.h"

#include "kernels/glu.h"
#include "nn/layout.h"

namespace mlxd::nn {

namespace {

using GateNorm = MambaShape::GateNorm;

NormQkv make_in(const Weights& w, const MambaShape& s, const Norm& norm) {
  const Weights z = w / "z_proj", mixed = w / "xbc_proj", steps = w / "dt_proj";
  split_rows(w / "in_proj", {{z, s.inner()}, {mixed, s.conv()}, {steps, s.heads}});
  return {norm, Linear(z, s.hidden, s.inner(), s.projection_bias),
          Linear(mixed, s.hidden, s.conv(), s.projection_bias),
          Linear(steps, s.hidden, s.heads, s.projection_bias)};
}

mx::array wide(const mx::array& x) { return mx::astype(x, mx::float32); }

mx::array columns(const mx::array& x, int from, int count) {
  return mx::slice(x, {0, from}, {x.shape(0), from + count});
}

}  // namespace

Mamba::Mamba(const Weights& w, const MambaShape& s, const Norm& norm)
    : shape_(s),
      in_(make_in(w, s, norm)),
      conv_(w / "conv1d", s.conv(), s.taps, s.conv_bias),
      decay_rate_(take_decay_rate(w, s.heads)),
      step_bias_(wide(w.take_dense("dt_bias", {s.heads}))),
      skip_(mx::expand_dims(wide(w.take_dense("D", {s.heads})), 1)),
      recurrence_({s.heads, s.groups, s.state, s.head_dim}) {
  if (s.gate_norm != GateNorm::none) {
    norm_ = GroupRmsNorm(w / "norm", s.groups, s.inner() / s.groups, s.eps);
  }
}

// [T, heads] float32
mx::array Mamba::time_steps(const mx::array& dt) const {
  const mx::array steps = softplus(wide(dt) + step_bias_);
  return mx::clip(steps, mx::array(shape_.least_step), mx::array(shape_.most_step));
}

mx::array Mamba::gated(const mx::array& y, const mx::array& z) const {
  const bool before = shape_.gate_norm == GateNorm::before;
  const mx::array out = kernels::glu(kernels::Activation::silu, z, before ? (*norm_)(y) : y);
  return shape_.gate_norm == GateNorm::after ? (*norm_)(out) : out;
}

mx::array Mamba::operator()(const mx::array& x, const Step& step, int place) const {
  const auto [z, mixed, dt] = in_(x);
  const mx::array xbc = kernels::activate(kernels::Activation::silu, conv_(mixed, step, place));
  const int inner = shape_.inner(), keys = shape_.groups * shape_.state;
  const mx::array heads =
      mx::reshape(wide(columns(xbc, 0, inner)), {-1, shape_.heads, shape_.head_dim});
  const mx::array steps = time_steps(dt);
  const mx::array learned = heads * mx::expand_dims(steps, 2);
  const mx::array said = recurrence_({.q = columns(xbc, inner + keys, keys),
                                      .k = columns(xbc, inner, keys),
                                      .v = mx::reshape(learned, {-1, inner}),
                                      .decay = mx::exp(decay_rate_ * steps)},
                                     step, place + 1);
  const mx::array y = said + mx::reshape(skip_ * heads, {-1, inner});
  return gated(mx::astype(y, z.dtype()), z);
}

void Mamba::add_caches(mx::Dtype type, SequenceCache& cache) const {
  cache.layers.push_back(conv_.make_cache(type));
  cache.layers.push_back(recurrence_.make_cache());
}

}  // namespace mlxd::nn
