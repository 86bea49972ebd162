// Qwen3: Llama's block with a norm on each head of queries and keys, before rope.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

std::unique_ptr<Model> make_qwen3(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto norm = [&](const char* name) {
      return nn::RmsNorm(layer / "self_attn" / name, c.head_dim, c.norm_eps);
    };
    const nn::Attention attention(attention_shape(c, qwen_window(c, index)), rope,
                                  nn::HeadNorms{norm("q_norm"), norm("k_norm")});
    return PreNormBlock(c, layer, attention, biases_of(c));
  });
}

}  // namespace mlxd
