// Mistral: Llama's block; where the config has a sliding_window, every layer slides.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

std::unique_ptr<Model> make_mistral(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto window = c.layer_types.empty() ? c.sliding_window : listed_window(c, index);
    const nn::Attention attention(attention_shape(c, window), rope);
    return PreNormBlock(c, layer, attention, biases_of(c));
  });
}

}  // namespace mlxd
