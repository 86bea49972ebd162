// Mixtral: Mistral's block with a mixture of experts.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"

namespace mlxd {

namespace {

std::unique_ptr<FeedForward> make_mixture(const Config& c, const nn::Weights& layer) {
  const nn::Weights w = layer / "block_sparse_moe";
  const int experts = c.fields().integer("num_local_experts", 1, kMostExperts);
  const int choices = c.fields().integer("num_experts_per_tok", 1, experts);
  return std::make_unique<Mixture>(
      nn::RmsNorm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps),
      nn::Router(w / "gate", c.hidden_size, {experts, choices}),
      take_experts(c, w, experts, c.intermediate_size, kMixtralNames));
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
