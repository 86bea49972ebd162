// Mixtral: Mistral's block with a mixture of experts.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

std::unique_ptr<FeedForward> make_mixture(const Config& c, const nn::Weights& layer) {
  const nn::Weights w = layer / "block_sparse_moe", stacked = w / "switch_mlp";
  const int experts = c.fields().integer("num_local_experts", 1, kMostExperts);
  const int choices = c.fields().integer("num_experts_per_tok", 1, experts);
  nn::stack_experts(w / "experts", experts, "w1", stacked / "gate_proj");
  nn::stack_experts(w / "experts", experts, "w2", stacked / "down_proj");
  nn::stack_experts(w / "experts", experts, "w3", stacked / "up_proj");
  return std::make_unique<Mixture>(
      nn::RmsNorm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps),
      nn::Router(w / "gate", c.hidden_size, {experts, choices}),
      nn::Experts(stacked, {experts, c.hidden_size, c.intermediate_size, c.activation}));
}

}  // namespace

std::unique_ptr<Model> make_mixtral(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int) {
    const nn::Attention attention(attention_shape(c, c.sliding_window), rope);
    return PreNormBlock(c, layer, attention, biases_of(c), make_mixture(c, layer));
  });
}

}  // namespace mlxd
