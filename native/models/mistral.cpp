// Mistral and Ministral: Llama's block; where the config has a sliding_window, every layer slides,
// or those of layer_types. The third Ministral's queries grow with their position.
#include "loader/rope_config.h"
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

namespace {

std::unique_ptr<Model> make(const Config& c, const nn::Weights& w,
                            const std::optional<nn::QueryGrowth>& growth) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    nn::AttentionShape shape = attention_shape(c, mistral_window(c, index));
    shape.query_growth = growth;
    return PreNormBlock(c, layer, nn::Attention(shape, rope), biases_of(c));
  });
}

}  // namespace

std::unique_ptr<Model> make_mistral(const Config& c, const nn::Weights& w) {
  return make(c, w, std::nullopt);
}

std::unique_ptr<Model> make_ministral3(const Config& c, const nn::Weights& w) {
  const auto rope = c.fields().fields("rope_parameters");
  if (!rope) c.fields().fail("rope_parameters", "is missing");
  return make(
      c, w,
      nn::QueryGrowth{rope->real("llama_4_scaling_beta", 0, 1e6),
                      rope->integer("original_max_position_embeddings", 1, kMostPositions)});
}

}  // namespace mlxd
