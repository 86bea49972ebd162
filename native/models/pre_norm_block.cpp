// See pre_norm_block.h.
#include "models/pre_norm_block.h"

namespace mlxd {

namespace {

nn::NormQkv make_qkv(const Config& c, const nn::Weights& w, nn::Bias bias) {
  const nn::Weights attention = w / "self_attn";
  const int kv_width = c.kv_heads * c.head_dim;
  return {nn::RmsNorm(w / "input_layernorm", c.hidden_size, c.norm_eps),
          nn::Linear(attention / "q_proj", c.hidden_size, c.heads * c.head_dim, bias),
          nn::Linear(attention / "k_proj", c.hidden_size, kv_width, bias),
          nn::Linear(attention / "v_proj", c.hidden_size, kv_width, bias)};
}

}  // namespace

PreNormBlock::PreNormBlock(const Config& c, const nn::Weights& w, nn::Attention attend,
                           BlockBiases biases)
    : PreNormBlock(c, w, std::move(attend), biases, std::make_unique<GatedMlp>(c, w, biases.mlp)) {}

PreNormBlock::PreNormBlock(const Config& c, const nn::Weights& w, nn::Attention attend,
                           BlockBiases biases, std::unique_ptr<FeedForward> second_half)
    : qkv(make_qkv(c, w, biases.qkv)),
      attention(std::move(attend)),
      out(nn::Linear(w / "self_attn" / "o_proj", c.heads * c.head_dim, c.hidden_size, biases.out)),
      feed_forward(std::move(second_half)) {}

}  // namespace mlxd
