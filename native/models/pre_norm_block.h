// The block of the Llama line of models: norm, attention, residual; norm, MLP, residual.
#pragma once

#include "loader/config.h"
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
inline nn::HeadNorms head_norms(const Config& c, const nn::Weights& w) {
  const auto norm = [&](const char* name) {
    return nn::RmsNorm(w / "self_attn" / name, c.head_dim, c.norm_eps);
  };
  return {norm("q_norm"), norm("k_norm")};
}

struct PreNormBlock {
  nn::NormQkv qkv;
  nn::Attention attention;
  nn::ResidualLinear out;
  std::unique_ptr<FeedForward> feed_forward;

  /// With a gated MLP.
  PreNormBlock(const Config& c, const nn::Weights& w, nn::Attention attend, BlockBiases biases);

  /// With another second half; `biases.mlp` is of no account.
  PreNormBlock(const Config& c, const nn::Weights& w, nn::Attention attend, BlockBiases biases,
               std::unique_ptr<FeedForward> second_half);

  mx::array operator()(const mx::array& x, const Step& step, int layer) const {
    const mx::array h = out(attention(qkv(x), step, layer), x);
    return (*feed_forward)(h);
  }
};

}  // namespace mlxd
