// DeepSeek V2 and V3: latent attention, and a mixture of experts in all but the first layers.
#include <cmath>

#include "models/decoder.h"
#include "models/families.h"
#include "models/grouped_mixture.h"
#include "models/latent_block.h"

namespace mlxd {

namespace {

constexpr int kMostColumns = 1 << 14;

// What YaRN adds to scores where the config has it apart from the rope.
float score_factor(const Fields& fields) {
  const auto scaling = fields.fields("rope_scaling");
  if (!scaling || !scaling->has("mscale_all_dim")) return 1;
  const float factor = scaling->real("factor", 1e-3, 1e6);
  const float magnitude = scaling->real("mscale_all_dim", 0, 1e6);
  const float m = factor <= 1 ? 1 : 0.1f * magnitude * std::log(factor) + 1;
  return m * m;
}

nn::LatentShape latent_shape(const Config& c) {
  const Fields fields = c.fields();
  const auto columns = [&](const char* key) { return fields.integer(key, 1, kMostColumns); };
  nn::LatentShape shape{.heads = c.heads,
                        .latent = columns("kv_lora_rank"),
                        .plain = columns("qk_nope_head_dim"),
                        .rotated = columns("qk_rope_head_dim"),
                        .value = columns("v_head_dim"),
                        .scale = 1};
  shape.scale = score_factor(fields) / std::sqrt(static_cast<float>(shape.query()));
  return shape;
}

nn::Rope make_rope(const Config& c, const nn::LatentShape& shape) {
  nn::RopeConfig neighbours = c.rope;
  neighbours.traditional = true;
  return {neighbours, shape.rotated};
}

nn::RouterOptions router_v2(const Fields& fields) {
  const std::string method = fields.string("topk_method", "greedy");
  const bool grouped = method == "group_limited_greedy";
  if (!grouped && method != "greedy" && method != "gready") {
    fields.fail("topk_method", "must be greedy or group_limited_greedy");
  }
  if (fields.string("scoring_func", "softmax") != "softmax") {
    fields.fail("scoring_func", "other than softmax is not supported");
  }
  if (fields.boolean("norm_topk_prob", false)) fields.fail("norm_topk_prob", "is not supported");
  const int experts = fields.integer("n_routed_experts", 1, kMostExperts);
  const int groups = grouped ? fields.integer("n_group", 1, experts) : 1;
  if (experts % groups != 0) fields.fail("n_group", "must cut the experts into equal groups");
  return {.experts = experts,
          .choices = fields.integer("num_experts_per_tok", 1, experts),
          .normalized = false,
          .scale = fields.real("routed_scaling_factor", 0, 1e6, 1),
          .groups = groups,
          .chosen_groups = grouped ? fields.integer("topk_group", 1, groups) : 1,
          .group_best = 1};
}

nn::RouterOptions router_v3(const Fields& fields) {
  if (fields.string("topk_method", "noaux_tc") != "noaux_tc") {
    fields.fail("topk_method", "other than noaux_tc is not supported");
  }
  if (fields.string("scoring_func", "sigmoid") != "sigmoid") {
    fields.fail("scoring_func", "other than sigmoid is not supported");
  }
  return corrected_router(fields);
}

std::unique_ptr<Model> make(const Config& c, const nn::Weights& w,
                            const std::optional<nn::RouterOptions>& router) {
  const Fields fields = c.fields();
  const nn::LatentShape shape = latent_shape(c);
  const nn::Rope rope = make_rope(c, shape);
  const int dense_layers = fields.integer("first_k_dense_replace", 0, c.layers, 0);
  const int every = fields.integer("moe_layer_freq", 1, c.layers, 1);
  return std::make_unique<Decoder<LatentBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    if (router && index >= dense_layers && index % every == 0) {
      return LatentBlock(c, layer, shape, rope, grouped_mixture(c, layer, *router));
    }
    const nn::RmsNorm norm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps);
    return LatentBlock(c, layer, shape, rope,
                       std::make_unique<GatedMlp>(c, layer / "mlp", MlpPlace{norm, std::nullopt}));
  });
}

}  // namespace

std::unique_ptr<Model> make_deepseek_v2(const Config& c, const nn::Weights& w) {
  const Fields fields = c.fields();
  return make(c, w,
              fields.has("n_routed_experts") ? std::optional(router_v2(fields)) : std::nullopt);
}

std::unique_ptr<Model> make_deepseek_v3(const Config& c, const nn::Weights& w) {
  (w / "model" / "layers" / c.layers).ignore();  // it predicts a second token ahead
  return make(c, w, router_v3(c.fields()));
}

}  // namespace mlxd
