// See gemma.h.
#include "models/gemma.h"

#include <cmath>

namespace mlxd {

nn::RmsNorm gemma_norm(const Config& c, const nn::Weights& w, int width) {
  return nn::RmsNorm(w, width, c.norm_eps, 1);
}

BlockNorms gemma_norms(const Config& c, const nn::Weights& layer) {
  const auto norm = [&](const char* name) { return gemma_norm(c, layer / name, c.hidden_size); };
  return {norm("input_layernorm"), norm("post_attention_layernorm"),
          norm("pre_feedforward_layernorm"), norm("post_feedforward_layernorm")};
}

nn::AttentionShape gemma_attention(const Config& c, std::optional<int> window) {
  nn::AttentionShape shape = attention_shape(c, window);
  shape.scale = 1 / std::sqrt(c.fields().real("query_pre_attn_scalar", 1e-3, 1e6));
  return shape;
}

// The models were trained with the scale in bfloat16.
DecoderEnds gemma_ends(const Config& c, const nn::Weights& w) {
  const mx::array exact(std::sqrt(static_cast<float>(c.hidden_size)));
  mx::array rounded = mx::astype(mx::astype(exact, mx::bfloat16), mx::float32);
  return {.embedding_scale = rounded.item<float>(),
          .norm = gemma_norm(c, w / "model" / "norm", c.hidden_size)};
}

}  // namespace mlxd
