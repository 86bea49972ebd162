// Phi-3, Phi-3.5-mini and Phi-4: Llama's block, with projections that lie together in the
// checkpoint. Where the config has a sliding_window below the context's length, every layer slides.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

void split_projections(const Config& c, const nn::Weights& layer) {
  const nn::Weights attention = layer / "self_attn", mlp = layer / "mlp";
  const int kv_width = c.kv_heads * c.head_dim;
  nn::split_rows(attention / "qkv_proj", {{attention / "q_proj", c.heads * c.head_dim},
                                          {attention / "k_proj", kv_width},
                                          {attention / "v_proj", kv_width}});
  nn::split_rows(mlp / "gate_up_proj", {{mlp / "gate_proj", c.intermediate_size},
                                        {mlp / "up_proj", c.intermediate_size}});
}

}  // namespace

std::unique_ptr<Model> make_phi3(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const auto shape = attention_shape(c, window_within_context(c));
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int) {
    split_projections(c, layer);
    return PreNormBlock(c, layer, nn::Attention(shape, rope), biases_of(c));
  });
}

}  // namespace mlxd
