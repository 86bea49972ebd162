// Llama 2 and 3, SmolLM2 and others of that shape. Layers slide only where layer_types says so.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

std::unique_ptr<Model> make_llama(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto shape = attention_shape(c, listed_window(c, index));
    return PreNormBlock(c, layer, nn::Attention(shape, rope), biases_of(c));
  });
}

}  // namespace mlxd
