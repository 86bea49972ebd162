// The block of models whose attention is latent: DeepSeek's.
#pragma once

#include <memory>
#include <optional>

#include "models/feed_forward.h"
#include "nn/latent_attention.h"

namespace mlxd {

/// h = x + out(attention(norm(x))), then the second half.
class LatentBlock {
 public:
  /// Takes `self_attn` and `input_layernorm` of the layer's weights.
  LatentBlock(const Config& c, const nn::Weights& layer, const nn::LatentShape& shape,
              const nn::Rope& rope, std::unique_ptr<FeedForward> second_half);

  mx::array operator()(const mx::array& x, const Step& step, int layer) const {
    const auto [first, latent, key] = in_(x);
    const mx::array q = expand_ ? (*expand_)((*query_norm_)(first)) : first;
    const mx::array h = out_(attention_(q, latent_norm_(latent), key, step, layer), x);
    return (*feed_forward_)(h, h);
  }

  void add_caches(mx::Dtype type, SequenceCache& cache) const {
    cache.layers.push_back(attention_.make_cache(type));
  }

 private:
  nn::NormQkv in_;  // queries, or what they are expanded from; latents; rotated keys
  std::optional<nn::Norm> query_norm_;
  std::optional<nn::Linear> expand_;
  nn::Norm latent_norm_;
  nn::LatentAttention attention_;
  nn::ResidualLinear out_;
  std::unique_ptr<FeedForward> feed_forward_;
};

}  // namespace mlxd
