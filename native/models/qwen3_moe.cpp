// Qwen3-MoE: Qwen3 with a mixture of experts in most layers. Where a window is used, all layers
// slide.
#include <algorithm>

#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"

namespace mlxd {

namespace {

bool has_experts(const Config& c, int layer) {
  const Fields fields = c.fields();
  const auto dense = fields.integers("mlp_only_layers", 0, c.layers - 1);
  if (std::ranges::find(dense, layer) != dense.end()) return false;
  return (layer + 1) % fields.integer("decoder_sparse_step", 1, c.layers, 1) == 0;
}

std::unique_ptr<FeedForward> make_mixture(const Config& c, const nn::Weights& layer) {
  const nn::Weights w = layer / "mlp";
  const Fields fields = c.fields();
  const int experts = fields.integer("num_experts", 1, kMostExperts);
  const int width = fields.integer("moe_intermediate_size", 1, kMostWidth);
  const nn::RouterOptions options{experts, fields.integer("num_experts_per_tok", 1, experts),
                                  fields.boolean("norm_topk_prob", false)};
  return std::make_unique<Mixture>(
      nn::RmsNorm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps),
      nn::Router(w / "gate", c.hidden_size, options), take_experts(c, w, experts, width));
}

}  // namespace

std::unique_ptr<Model> make_qwen3_moe(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const auto window = c.use_sliding_window ? c.sliding_window : std::nullopt;
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const nn::Attention attention(attention_shape(c, window), rope, head_norms(c, layer));
    if (!has_experts(c, index)) return PreNormBlock(c, layer, attention, biases_of(c));
    return PreNormBlock(c, layer, attention, biases_of(c), make_mixture(c, layer));
  });
}

}  // namespace mlxd
