// See qwen_mixture.h.
#include "models/qwen_mixture.h"

#include <algorithm>

namespace mlxd {

namespace {

SharedExpert shared_expert(const Config& c, const nn::Weights& w) {
  const int width = c.fields().integer("shared_expert_intermediate_size", 1, kMostWidth);
  return {c, w / "shared_expert", width, nn::Linear(w / "shared_expert_gate", c.hidden_size, 1)};
}

}  // namespace

bool has_experts(const Config& c, int layer) {
  const Fields fields = c.fields();
  const auto dense = fields.integers("mlp_only_layers", 0, c.layers - 1);
  if (std::ranges::find(dense, layer) != dense.end()) return false;
  return (layer + 1) % fields.integer("decoder_sparse_step", 1, c.layers, 1) == 0;
}

std::unique_ptr<FeedForward> qwen_mixture(const Config& c, const nn::Weights& layer, nn::Norm norm,
                                          bool shared) {
  const nn::Weights w = layer / "mlp";
  const Fields fields = c.fields();
  const int experts = fields.integer("num_experts", 1, kMostExperts);
  const nn::RouterOptions options{experts, fields.integer("num_experts_per_tok", 1, experts),
                                  fields.boolean("norm_topk_prob", false)};
  return std::make_unique<Mixture>(
      std::move(norm), nn::Router(w / "gate", c.hidden_size, options),
      take_experts(c, w, experts, fields.integer("moe_intermediate_size", 1, kMostWidth)),
      shared ? std::optional(shared_expert(c, w)) : std::nullopt);
}

}  // namespace mlxd
