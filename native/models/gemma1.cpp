// The first Gemma: Llama's block with norms of 1 + weight, and embeddings that are scaled up.
#include "models/families.h"
#include "models/gemma.h"

namespace mlxd {

std::unique_ptr<Model> make_gemma(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const auto make_block = [&](const nn::Weights& layer, int) {
    const auto norm = [&](const char* name) { return gemma_norm(c, layer / name, c.hidden_size); };
    const BlockNorms norms{.before_attention = norm("input_layernorm"),
                           .before_mlp = norm("post_attention_layernorm")};
    return Block(c, layer, nn::Attention(attention_shape(c, {}), rope), {norms, biases_of(c)});
  };
  return std::make_unique<Decoder<Block>>(c, w, make_block, gemma_ends(c, w));
}

}  // namespace mlxd
