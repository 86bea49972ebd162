// Cohere's Command-R, Command-R+ and Aya: layer norms without bias, both halves of a block at once,
// a rope of neighbours. Command-R7B (cohere2) slides three layers of four; the others see all, and
// have no positions.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "models/windows.h"

namespace mlxd {

namespace {

nn::LayerNorm norm_at(const Config& c, const nn::Weights& w) {
  return nn::LayerNorm(w, c.hidden_size, c.norm_eps);
}

Block make_block(const Config& c, const nn::Weights& layer, nn::Attention attention) {
  const nn::LayerNorm shared = norm_at(c, layer / "input_layernorm");
  return Block(c, layer, std::move(attention),
               {.norms = {.before_attention = shared, .before_mlp = shared},
                .biases = biases_of(c),
                .parallel = true});
}

template <class MakeAttention>
std::unique_ptr<Model> make(const Config& c, const nn::Weights& w,
                            const MakeAttention& make_attention) {
  return std::make_unique<Decoder<Block>>(
      c, w,
      [&](const nn::Weights& layer, int index) {
        return make_block(c, layer, make_attention(layer / "self_attn", index));
      },
      DecoderEnds{.logit_scale = c.fields().real("logit_scale", 0, 1e6, 0.0625f),
                  .norm = norm_at(c, w / "model" / "norm")});
}

nn::Rope make_rope(const Config& c) {
  nn::RopeConfig neighbours = c.rope;
  neighbours.traditional = true;
  return nn::Rope(neighbours, c.head_dim);
}

}  // namespace

std::unique_ptr<Model> make_cohere(const Config& c, const nn::Weights& w) {
  const nn::Rope rope = make_rope(c);
  const bool head_norms = c.fields().boolean("use_qk_norm", false);
  return make(c, w, [&](const nn::Weights& attention, int) {
    const auto of = [&](const char* name, int heads) {
      return nn::HeadLayerNorm((attention / name).take_dense("weight", {heads, c.head_dim}),
                               c.norm_eps);
    };
    std::optional<nn::HeadNorms> norms;
    if (head_norms) norms = {of("q_norm", c.heads), of("k_norm", c.kv_heads)};
    return nn::Attention(attention_shape(c, std::nullopt), rope, norms);
  });
}

std::unique_ptr<Model> make_cohere2(const Config& c, const nn::Weights& w) {
  const nn::Rope rope = make_rope(c);
  const int pattern = c.fields().integer("sliding_window_pattern", 1, 1 << 12, 4);
  return make(c, w, [&](const nn::Weights&, int index) {
    const auto window = patterned_window(c, index, pattern);
    return nn::Attention(attention_shape(c, window), window ? rope : nn::Rope::none());
  });
}

}  // namespace mlxd
