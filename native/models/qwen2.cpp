// Qwen2 and Qwen2.5: Llama's block with biases on queries, keys and values, whatever the config
// says.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

std::unique_ptr<Model> make_qwen2(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const BlockBiases biases{nn::Bias::required, nn::Bias::if_present, nn::Bias::if_present};
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto shape = attention_shape(c, qwen_window(c, index));
    return PreNormBlock(c, layer, nn::Attention(shape, rope), biases);
  });
}

}  // namespace mlxd
