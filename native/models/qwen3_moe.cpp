// Qwen3-MoE: Qwen3 with a mixture of experts in most layers. Where a window is used, all layers
// slide.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/qwen_mixture.h"

namespace mlxd {

std::unique_ptr<Model> make_qwen3_moe(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const auto window = c.use_sliding_window ? c.sliding_window : std::nullopt;
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const nn::Attention attention(attention_shape(c, window), rope, head_norms(c, layer));
    if (!has_experts(c, index)) return PreNormBlock(c, layer, attention, biases_of(c));
    const nn::RmsNorm norm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps);
    return PreNormBlock(c, layer, attention, biases_of(c), qwen_mixture(c, layer, norm, false));
  });
}

}  // namespace mlxd
