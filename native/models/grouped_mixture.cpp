// See grouped_mixture.h.
#include "models/grouped_mixture.h"

namespace mlxd {

nn::RouterOptions corrected_router(const Fields& fields) {
  const int experts = fields.integer("n_routed_experts", 1, kMostExperts);
  const int groups = fields.integer("n_group", 1, experts, 1);
  if (experts % groups != 0 || (groups > 1 && experts / groups < 2)) {
    fields.fail("n_group", "must cut the experts into equal groups of two and more");
  }
  return {.experts = experts,
          .choices = fields.integer("num_experts_per_tok", 1, experts),
          .normalized = fields.boolean("norm_topk_prob", true),
          .score = nn::RouterScore::sigmoid,
          .scale = fields.real("routed_scaling_factor", 0, 1e6, 1),
          .groups = groups,
          .chosen_groups = fields.integer("topk_group", 1, groups, 1),
          .corrected = true};
}

std::unique_ptr<FeedForward> grouped_mixture(const Config& c, const nn::Weights& layer,
                                             const nn::RouterOptions& options) {
  const nn::Weights w = layer / "mlp";
  const Fields fields = c.fields();
  const int width = fields.integer("moe_intermediate_size", 1, kMostWidth);
  std::optional<SharedExpert> shared;
  if (const int count = fields.integer("n_shared_experts", 0, kMostExperts, 0)) {
    shared.emplace(c, w / "shared_experts", count * width);
  }
  return std::make_unique<Mixture>(
      nn::RmsNorm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps),
      nn::Router(w / "gate", c.hidden_size, options), take_experts(c, w, options.experts, width),
      std::move(shared));
}

}  // namespace mlxd
