// Qwen3: Llama's block with a norm on each head of queries and keys, before rope.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

std::unique_ptr<Model> make_qwen3(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const nn::Attention attention(attention_shape(c, qwen_window(c, index)), rope,
                                  head_norms(c, layer));
    return PreNormBlock(c, layer, attention, biases_of(c));
  });
}

}  // namespace mlxd
