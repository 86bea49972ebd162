// Qwen2-MoE and Qwen1.5-MoE: Qwen2 with a mixture of experts, one of them shared by all tokens and
// gated, in each layer.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

namespace {

std::unique_ptr<FeedForward> make_mixture(const Config& c, const nn::Weights& layer) {
  const nn::Weights w = layer / "mlp";
  const Fields fields = c.fields();
  const int experts = fields.integer("num_experts", 1, kMostExperts);
  const int shared_width = fields.integer("shared_expert_intermediate_size", 1, kMostWidth);
  const nn::RouterOptions options{experts, fields.integer("num_experts_per_tok", 1, experts),
                                  fields.boolean("norm_topk_prob", false)};
  return std::make_unique<Mixture>(
      nn::RmsNorm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps),
      nn::Router(w / "gate", c.hidden_size, options),
      take_experts(c, w, experts, fields.integer("moe_intermediate_size", 1, kMostWidth)),
      SharedExpert(c, w / "shared_expert", shared_width,
                   nn::Linear(w / "shared_expert_gate", c.hidden_size, 1)));
}

}  // namespace

std::unique_ptr<Model> make_qwen2_moe(const Config& c, const nn::Weights& w) {
  const Fields fields = c.fields();
  if (fields.integer("decoder_sparse_step", 1, c.layers, 1) != 1 ||
      !fields.integers("mlp_only_layers", 0, c.layers - 1).empty()) {
    fields.fail("decoder_sparse_step",
                "and mlp_only_layers that leave layers dense are not supported");
  }
  const nn::Rope rope(c.rope, c.head_dim);
  const BlockBiases biases{nn::Bias::required, nn::Bias::if_present, nn::Bias::if_present};
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto shape = attention_shape(c, qwen_window(c, index));
    return PreNormBlock(c, layer, nn::Attention(shape, rope), biases, make_mixture(c, layer));
  });
}

}  // namespace mlxd
