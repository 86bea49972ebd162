// Attention to compressed keys and values: multi-head latent attention (DeepSeek-AI, 2024).
#pragma once

#include "nn/attention.h"
#include "nn/head_linear.h"

namespace mlxd::nn {

struct LatentShape {
  int heads;
  int latent;   // columns that keys and values of all heads are compressed to
  int plain;    // columns of a head's query that meet those,
  int rotated;  // and that meet one rotated key of all heads
  int value;    // columns of a head's value
  float scale;  // of scores
  int query() const { return plain + rotated; }
};

/// What a cache holds of a position is its latent and its rotated key, not the keys and values that
/// heads make of them. Scores q^T (K c) are computed as (K^T q)^T c, and values V c are summed
/// before V is applied: so all heads share one key, of which one part is the value too.
class LatentAttention {
 public:
  /// Takes of `w` either `kv_b_proj` [heads * (plain + value), latent] or, as newer checkpoints
  /// have it, its parts `embed_q` [heads, latent, plain] and `unembed_out` [heads, value, latent].
  /// `rope` is one of `rotated` columns.
  LatentAttention(const Weights& w, const LatentShape& shape, Rope rope);

  /// q [T, heads * (plain + rotated)], latent [T, latent] after its norm, key [T, rotated] before
  /// its rope -> [T, heads * value]. Appends to the caches of `layer`.
  mx::array operator()(const mx::array& q, const mx::array& latent, const mx::array& key,
                       const Step& step, int layer) const;

  std::unique_ptr<LayerCache> make_cache(mx::Dtype type) const {
    return attention_.make_cache(type);
  }

 private:
  LatentShape shape_;
  HeadLinear embed_, unembed_;
  Attention attention_;
};

}  // namespace mlxd::nn
