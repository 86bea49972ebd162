// The mixer of Mamba 2 (Dao and Gu, 2024).
#pragma once

#include <limits>
#include <optional>

#include "nn/norm.h"
#include "nn/recurrence.h"
#include "nn/short_conv.h"

namespace mlxd::nn {

struct MambaShape {
  int hidden;
  int heads, head_dim;
  int groups;  // of heads that share B and C; divides heads
  int state;   // columns of B and C
  int taps;    // of the convolution
  Bias projection_bias = Bias::if_present, conv_bias = Bias::if_present;

  /// Norm of what a mixer gives, in as many groups: before its gate, after it, or none.
  enum class GateNorm { none, before, after } gate_norm = GateNorm::none;
  float eps = 0;

  float least_step = 0, most_step = std::numeric_limits<float>::infinity();  // of time

  int inner() const { return heads * head_dim; }
  int conv() const { return inner() + 2 * groups * state; }
};

/// Of x after the block's norm: a gate z, then x, B and C through a short convolution and SiLU, and
/// a step of time dt = softplus(dt + dt_bias) for each head. Its state forgets by
/// exp(-exp(A_log) dt) and learns dt x B^T; y = S C + D x.
class Mamba {
 public:
  /// Takes of `w` all but `out_proj`. `norm` is the block's.
  Mamba(const Weights& w, const MambaShape& shape, const Norm& norm);

  /// x [T, hidden] -> [T, heads * head_dim], gated. Uses two caches, from `place` on.
  mx::array operator()(const mx::array& x, const Step& step, int place) const;

  void add_caches(mx::Dtype type, SequenceCache& cache) const;

 private:
  mx::array time_steps(const mx::array& dt) const;
  mx::array gated(const mx::array& y, const mx::array& z) const;

  MambaShape shape_;
  NormQkv in_;  // z; x, B and C; dt
  ShortConv conv_;
  mx::array decay_rate_, step_bias_;  // [heads] float32: -exp(A_log), dt_bias
  mx::array skip_;                    // D, [heads, 1] float32
  Recurrence recurrence_;
  std::optional<Norm> norm_;
};

}  // namespace mlxd::nn
