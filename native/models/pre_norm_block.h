// The block of the Llama line of models: norm, attention, residual; norm, gated MLP, residual.
#pragma once

#include "loader/config.h"
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

struct PreNormBlock {
  nn::NormQkv qkv;
  nn::Attention attention;
  nn::ResidualLinear out;
  nn::NormSwiGlu gate_up;
  nn::ResidualLinear down;

  PreNormBlock(const Config& c, const nn::Weights& w, nn::Attention attend, BlockBiases biases);

  mx::array operator()(const mx::array& x, const Step& step, int layer) const {
    const mx::array h = out(attention(qkv(x), step, layer), x);
    return down(gate_up(h), h);
  }
};

}  // namespace mlxd
