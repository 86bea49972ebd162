// Linear attention by the gated delta rule (Yang et al., 2024), as Qwen3-Next has it.
#pragma once

#include "nn/norm.h"
#include "nn/recurrence.h"
#include "nn/short_conv.h"

namespace mlxd::nn {

struct GatedDeltaShape {
  int hidden;
  int key_heads, value_heads;  // key_heads divides value_heads
  int key_dim, value_dim;      // of a head
  int taps;                    // of the convolution
  float eps;                   // of the norm of heads

  int keys() const { return key_heads * key_dim; }
  int values() const { return value_heads * value_dim; }
};

/// Of x after the block's norm: queries, keys and values through a short convolution and SiLU; then
/// each value head's state forgets by exp(-exp(A_log) softplus(a + dt_bias)) and learns by
/// sigmoid(b); what it says is normalized and gated by z.
class GatedDelta {
 public:
  /// Takes of `w` all but `out_proj`. `norm` is the block's.
  GatedDelta(const Weights& w, const GatedDeltaShape& shape, const Norm& norm);

  /// x [T, hidden] -> [T, value_heads * value_dim]. Uses two caches, from `place` on.
  mx::array operator()(const mx::array& x, const Step& step, int place) const;

  void add_caches(mx::Dtype type, SequenceCache& cache) const;

 private:
  GatedDeltaShape shape_;
  NormQkv qkv_, zba_;  // q, k, v; z, b, a
  ShortConv conv_;
  Norm q_norm_, k_norm_;
  mx::array decay_rate_, decay_bias_;  // [value_heads] float32: -exp(A_log), dt_bias
  Recurrence recurrence_;
  Norm out_norm_;
};

}  // namespace mlxd::nn
