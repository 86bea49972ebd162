// OLMo 2 and 3: norms after the halves of a block instead of before, and over all heads of queries
// and of keys together.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "models/windows.h"

namespace mlxd {

namespace {

nn::HeadNorms norms_of_all_heads(const Config& c, const nn::Weights& w) {
  return {nn::RmsNorm(w / "q_norm", c.heads * c.head_dim, c.norm_eps),
          nn::RmsNorm(w / "k_norm", c.kv_heads * c.head_dim, c.norm_eps)};
}

Block make_block(const Config& c, const nn::Weights& layer, std::optional<int> window,
                 const nn::Rope& rope) {
  const nn::Attention attention(attention_shape(c, window), rope,
                                norms_of_all_heads(c, layer / "self_attn"));
  return Block(c, layer, attention, {post_norms(c, layer), biases_of(c)});
}

}  // namespace

std::unique_ptr<Model> make_olmo2(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int) {
    return make_block(c, layer, std::nullopt, rope);
  });
}

// Three layers of four slide, and the rope's scaling is for the others.
std::unique_ptr<Model> make_olmo3(const Config& c, const nn::Weights& w) {
  const auto by_layer = c.fields().fields("rope_parameters");
  if (by_layer && by_layer->has("full_attention")) {
    by_layer->fail("full_attention", "is not supported; use rope_theta and rope_scaling");
  }
  nn::RopeConfig unscaled = c.rope;
  unscaled.scaling = {};
  const nn::Rope near(unscaled, c.head_dim), far(c.rope, c.head_dim);
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto window = patterned_window(c, index, 4);
    return make_block(c, layer, window, window ? near : far);
  });
}

}  // namespace mlxd
