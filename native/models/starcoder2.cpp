// StarCoder2: layer norms, biases, an MLP without a gate; every layer slides where the config has a
// sliding_window.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"

namespace mlxd {

namespace {

nn::LayerNorm norm_at(const Config& c, const nn::Weights& w) {
  return nn::LayerNorm(w, c.hidden_size, c.norm_eps, nn::Bias::required);
}

std::unique_ptr<FeedForward> make_mlp(const Config& c, const nn::Weights& layer, nn::Bias bias) {
  const nn::Linear up(layer / "mlp" / "c_fc", c.hidden_size, c.intermediate_size, bias);
  const nn::Linear down(layer / "mlp" / "c_proj", c.intermediate_size, c.hidden_size, bias);
  return std::make_unique<PlainMlp>(
      nn::NormActivated(norm_at(c, layer / "post_attention_layernorm"), up, c.activation()),
      nn::ResidualLinear(down));
}

}  // namespace

std::unique_ptr<Model> make_starcoder2(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const auto bias =
      c.fields().boolean("use_bias", true) ? nn::Bias::required : nn::Bias::if_present;
  return std::make_unique<Decoder<Block>>(
      c, w,
      [&](const nn::Weights& layer, int) {
        return Block(c, layer, nn::Attention(attention_shape(c, c.sliding_window), rope),
                     {.norms = {.before_attention = norm_at(c, layer / "input_layernorm")},
                      .biases = {bias, bias, bias}},
                     make_mlp(c, layer, bias));
      },
      DecoderEnds{.norm = norm_at(c, w / "model" / "norm")});
}

}  // namespace mlxd
