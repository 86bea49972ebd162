// Gemma 2: every other layer slides, and scores and logits are capped.
#include "models/families.h"
#include "models/gemma.h"
#include "models/windows.h"

namespace mlxd {

std::unique_ptr<Model> make_gemma2(const Config& c, const nn::Weights& w) {
  constexpr double kLeastCap = 1e-3, kMostCap = 1e6;
  const nn::Rope rope(c.rope, c.head_dim);
  const float cap = c.fields().real("attn_logit_softcapping", kLeastCap, kMostCap);
  DecoderEnds ends = gemma_ends(c, w);
  ends.logit_cap = c.fields().real("final_logit_softcapping", kLeastCap, kMostCap);
  const auto make_block = [&](const nn::Weights& layer, int index) {
    nn::AttentionShape shape = gemma_attention(c, patterned_window(c, index, 2));
    shape.cap = cap;
    return Block(c, layer, nn::Attention(shape, rope), {gemma_norms(c, layer), biases_of(c)});
  };
  return std::make_unique<Decoder<Block>>(c, w, make_block, ends);
}

}  // namespace mlxd
