// StableLM 2 and 3B: layer norms, a rope over a part of each head; some with both halves of a block
// at once and a norm on each head.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"

namespace mlxd {

namespace {

// Each head's norm has a tensor of its own.
nn::HeadLayerNorm norm_of_heads(const Config& c, const nn::Weights& w, int heads) {
  std::vector<mx::array> weights;
  for (int head = 0; head < heads; ++head) {
    weights.push_back((w / "norms" / head).take_dense("weight", {c.head_dim}));
  }
  return {mx::stack(weights), c.norm_eps};
}

}  // namespace

std::unique_ptr<Model> make_stablelm(const Config& c, const nn::Weights& w) {
  const Fields fields = c.fields();
  nn::RopeConfig rope_config = c.rope;
  rope_config.rotated = c.rope.rotated.value_or(0.25f);
  const nn::Rope rope(rope_config, c.head_dim);
  const bool parallel = fields.boolean("use_parallel_residual", false);
  const bool head_norms = fields.boolean("qk_layernorm", false);
  BlockBiases biases = biases_of(c);
  if (fields.boolean("use_qkv_bias", false)) biases.qkv = nn::Bias::required;
  const auto norm = [&](const nn::Weights& at) {
    return nn::LayerNorm(at, c.hidden_size, c.norm_eps, nn::Bias::required);
  };
  return std::make_unique<Decoder<Block>>(
      c, w,
      [&](const nn::Weights& layer, int) {
        const nn::Weights attention = layer / "self_attn";
        std::optional<nn::HeadNorms> norms;
        if (head_norms) {
          norms = {norm_of_heads(c, attention / "q_layernorm", c.heads),
                   norm_of_heads(c, attention / "k_layernorm", c.kv_heads)};
        }
        const nn::Norm first = norm(layer / "input_layernorm");
        const nn::Norm second = parallel ? first : norm(layer / "post_attention_layernorm");
        return Block(c, layer, nn::Attention(attention_shape(c, std::nullopt), rope, norms),
                     {.norms = {.before_attention = first, .before_mlp = second},
                      .biases = biases,
                      .parallel = parallel});
      },
      DecoderEnds{.norm = norm(w / "model" / "norm")});
}

}  // namespace mlxd
