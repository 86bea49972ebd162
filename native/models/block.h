// The block of decoder-only models: attention joins the residual stream, then an MLP does. What
// families do otherwise is data.
#pragma once

#include <memory>
#include <optional>

#include "models/feed_forward.h"
#include "nn/attention.h"

namespace mlxd {

/// Which linear layers of a block must have a bias. Others have one if the checkpoint does.
struct BlockBiases {
  nn::Bias qkv, out, mlp;
};

inline BlockBiases biases_of(const Config& c) {
  const auto bias = [](bool flag) { return flag ? nn::Bias::required : nn::Bias::if_present; };
  return {bias(c.attention_bias), bias(c.attention_bias), bias(c.mlp_bias)};
}

inline nn::AttentionShape attention_shape(const Config& c, std::optional<int> window) {
  return {c.heads, c.kv_heads, c.head_dim, window};
}

/// `self_attn.q_norm` and `k_norm` of the layer's weights `w`, each of a head's width.
nn::HeadNorms head_norms(const Config& c, const nn::Weights& w);

/// Before and after each half, where a family has one.
struct BlockNorms {
  std::optional<nn::Norm> before_attention = {}, after_attention = {};
  std::optional<nn::Norm> before_mlp = {}, after_mlp = {};
};

/// Llama's: `input_layernorm` and `post_attention_layernorm` before the halves.
BlockNorms pre_norms(const Config& c, const nn::Weights& w);

/// OLMo 2's: `post_attention_layernorm` and `post_feedforward_layernorm` after them.
BlockNorms post_norms(const Config& c, const nn::Weights& w);

struct BlockPlan {
  BlockNorms norms;
  BlockBiases biases;
  float residual_scale = 1;  // of what the halves add to the residual stream
  bool parallel = false;     // both halves read the block's input
};

class Block {
 public:
  /// With a gated MLP. Takes `self_attn` and `mlp` of `w`.
  Block(const Config& c, const nn::Weights& w, nn::Attention attention, const BlockPlan& plan);

  /// With another second half. Takes `self_attn` of `w`; the plan's `mlp` parts are of no account.
  Block(const Config& c, const nn::Weights& w, nn::Attention attention, const BlockPlan& plan,
        std::unique_ptr<FeedForward> second_half);

  mx::array operator()(const mx::array& x, const Step& step, int layer) const {
    const mx::array h = out_(attention_(qkv_(x), step, layer), x);
    return (*feed_forward_)(parallel_ ? x : h, h);
  }

  void add_caches(mx::Dtype type, SequenceCache& cache) const {
    cache.layers.push_back(attention_.make_cache(type));
  }

 private:
  nn::NormQkv qkv_;
  nn::Attention attention_;
  nn::ResidualLinear out_;
  std::unique_ptr<FeedForward> feed_forward_;
  bool parallel_;
};

}  // namespace mlxd
