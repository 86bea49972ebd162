// GLM-4.5 and others of GLM-4's line with experts: the first layers are dense, half of each head is
// rotated, and DeepSeek's router chooses.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"

namespace mlxd {

namespace {

nn::RouterOptions router_options(const Fields& fields) {
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

std::unique_ptr<FeedForward> make_mixture(const Config& c, const nn::Weights& layer) {
  const nn::Weights w = layer / "mlp";
  const Fields fields = c.fields();
  const nn::RouterOptions options = router_options(fields);
  const int width = fields.integer("moe_intermediate_size", 1, kMostWidth);
  const int shared = fields.integer("n_shared_experts", 1, kMostExperts, 1);
  return std::make_unique<Mixture>(
      nn::RmsNorm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps),
      nn::Router(w / "gate", c.hidden_size, options), take_experts(c, w, options.experts, width),
      SharedExpert(c, w / "shared_experts", shared * width));
}

}  // namespace

std::unique_ptr<Model> make_glm4_moe(const Config& c, const nn::Weights& w) {
  const Fields fields = c.fields();
  const int dense_layers = fields.integer("first_k_dense_replace", 0, c.layers);
  const bool normed = fields.boolean("use_qk_norm", false);
  const nn::Rope rope(c.rope, c.head_dim);
  BlockBiases biases = biases_of(c);
  biases.out = nn::Bias::if_present;
  (w / "model" / "layers" / c.layers).ignore();  // it predicts a second token ahead
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const nn::Attention attention(attention_shape(c, std::nullopt), rope,
                                  normed ? std::optional(head_norms(c, layer)) : std::nullopt);
    if (index < dense_layers) return PreNormBlock(c, layer, attention, biases);
    return PreNormBlock(c, layer, attention, biases, make_mixture(c, layer));
  });
}

}  // namespace mlxd
