// Granite 3: Llama's block under four multipliers of the config.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"

namespace mlxd {

std::unique_ptr<Model> make_granite(const Config& c, const nn::Weights& w) {
  constexpr double kMost = 1e6;
  const Fields fields = c.fields();
  const nn::Rope rope(c.rope, c.head_dim);
  nn::AttentionShape shape = attention_shape(c, std::nullopt);
  shape.scale = fields.real("attention_multiplier", 0, kMost, 1);
  const float residual_scale = fields.real("residual_multiplier", 0, kMost, 1);
  return std::make_unique<Decoder<Block>>(
      c, w,
      [&](const nn::Weights& layer, int) {
        return Block(c, layer, nn::Attention(shape, rope),
                     {pre_norms(c, layer), biases_of(c), residual_scale});
      },
      DecoderEnds{.embedding_scale = fields.real("embedding_multiplier", 0, kMost, 1),
                  .logit_scale = 1 / fields.real("logits_scaling", 1e-6, kMost, 1)});
}

}  // namespace mlxd
