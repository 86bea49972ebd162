// Phi-3.5-MoE and Phi-mini-MoE: layer norms, a mixture of experts in each layer, chosen by a sparse
// mixer.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "models/windows.h"

namespace mlxd {

namespace {

nn::LayerNorm norm_at(const Config& c, const nn::Weights& w) {
  return nn::LayerNorm(w, c.hidden_size, c.norm_eps, nn::Bias::required);
}

std::unique_ptr<FeedForward> make_mixture(const Config& c, const nn::Weights& layer) {
  const nn::Weights w = layer / "block_sparse_moe";
  const Fields fields = c.fields();
  const int experts = fields.integer("num_local_experts", 1, kMostExperts);
  const nn::RouterOptions options{.experts = experts,
                                  .choices = fields.integer("num_experts_per_tok", 1, experts),
                                  .score = nn::RouterScore::sparse_mixer,
                                  .jitter = fields.real("router_jitter_noise", 0, 1, 0.01f)};
  return std::make_unique<Mixture>(norm_at(c, layer / "post_attention_layernorm"),
                                   nn::Router(w / "gate", c.hidden_size, options),
                                   take_experts(c, w, experts, c.intermediate_size, kMixtralNames));
}

}  // namespace

std::unique_ptr<Model> make_phimoe(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const auto shape = attention_shape(c, window_within_context(c));
  return std::make_unique<Decoder<Block>>(
      c, w,
      [&](const nn::Weights& layer, int) {
        const nn::Norm norm = norm_at(c, layer / "input_layernorm");
        return Block(c, layer, nn::Attention(shape, rope),
                     {.norms = {.before_attention = norm}, .biases = biases_of(c)},
                     make_mixture(c, layer));
      },
      DecoderEnds{.norm = norm_at(c, w / "model" / "norm")});
}

}  // namespace mlxd
