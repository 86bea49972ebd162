// Hunyuan (dense): Llama's block with a norm on each head after its rope, whose base is scaled by
// `alpha`.
#include <cmath>

#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

// NTK-aware scaling with a fixed factor: checkpoints call it dynamic.
nn::Rope make_rope(const Config& c) {
  nn::RopeConfig rope = c.rope;
  const auto scaling = c.fields().fields("rope_scaling");
  if (scaling && scaling->has("alpha")) {
    const float alpha = scaling->real("alpha", 1e-3, 1e6);
    rope.theta *= std::pow(alpha, static_cast<float>(c.head_dim) / (c.head_dim - 2));
  }
  return {rope, c.head_dim};
}

nn::HeadNorms norms_after_rope(const Config& c, const nn::Weights& layer) {
  const nn::Weights attention = layer / "self_attn";
  nn::rename(attention / "query_layernorm", attention / "q_norm");
  nn::rename(attention / "key_layernorm", attention / "k_norm");
  nn::HeadNorms norms = head_norms(c, layer);
  norms.after_rope = true;
  return norms;
}

}  // namespace

std::unique_ptr<Model> make_hunyuan_v1_dense(const Config& c, const nn::Weights& w) {
  const Fields fields = c.fields();
  if (fields.boolean("use_cla", false)) fields.fail("use_cla", "is not supported");
  const bool normed = fields.boolean("use_qk_norm", true);
  const nn::Rope rope = make_rope(c);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int) {
    const nn::Attention attention(
        attention_shape(c, std::nullopt), rope,
        normed ? std::optional(norms_after_rope(c, layer)) : std::nullopt);
    return PreNormBlock(c, layer, attention, biases_of(c));
  });
}

}  // namespace mlxd
