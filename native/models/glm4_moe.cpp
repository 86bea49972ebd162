// GLM-4.5 and others of GLM-4's line with experts: the first layers are dense, half of each head is
// rotated, and DeepSeek's router chooses.
#include "models/decoder.h"
#include "models/families.h"
#include "models/grouped_mixture.h"
#include "models/pre_norm_block.h"

namespace mlxd {

std::unique_ptr<Model> make_glm4_moe(const Config& c, const nn::Weights& w) {
  const Fields fields = c.fields();
  const int dense_layers = fields.integer("first_k_dense_replace", 0, c.layers);
  const bool normed = fields.boolean("use_qk_norm", false);
  const nn::RouterOptions router = corrected_router(fields);
  const nn::Rope rope(c.rope, c.head_dim);
  BlockBiases biases = biases_of(c);
  biases.out = nn::Bias::if_present;
  (w / "model" / "layers" / c.layers).ignore();  // it predicts a second token ahead
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const nn::Attention attention(attention_shape(c, std::nullopt), rope,
                                  normed ? std::optional(head_norms(c, layer)) : std::nullopt);
    if (index < dense_layers) return PreNormBlock(c, layer, attention, biases);
    return PreNormBlock(c, layer, attention, biases, grouped_mixture(c, layer, router));
  });
}

}  // namespace mlxd
