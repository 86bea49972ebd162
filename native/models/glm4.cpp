// GLM-4 (dense): norms before and after each half of a block, gate and up in one matrix, and a rope
// of neighbours over half of each head.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

BlockNorms norms(const Config& c, const nn::Weights& w) {
  BlockNorms norms = pre_norms(c, w);
  norms.after_attention = nn::RmsNorm(w / "post_self_attn_layernorm", c.hidden_size, c.norm_eps);
  norms.after_mlp = nn::RmsNorm(w / "post_mlp_layernorm", c.hidden_size, c.norm_eps);
  return norms;
}

}  // namespace

std::unique_ptr<Model> make_glm4(const Config& c, const nn::Weights& w) {
  nn::RopeConfig rope_config = c.rope;
  rope_config.traditional = c.fields().boolean("rope_traditional", true);
  rope_config.rotated = c.rope.rotated.value_or(0.5f);
  const nn::Rope rope(rope_config, c.head_dim);
  BlockBiases biases = biases_of(c);
  biases.out = nn::Bias::if_present;
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int) {
    const nn::Weights mlp = layer / "mlp";
    nn::split_rows(mlp / "gate_up_proj", {{mlp / "gate_proj", c.intermediate_size},
                                          {mlp / "up_proj", c.intermediate_size}});
    return Block(c, layer, nn::Attention(attention_shape(c, std::nullopt), rope),
                 {norms(c, layer), biases});
  });
}

}  // namespace mlxd
