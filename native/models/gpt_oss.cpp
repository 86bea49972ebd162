// gpt-oss: attention with a sink a head, every other layer sliding, and a mixture of experts with
// biases and a clamped SwiGLU in each layer.
#include "models/decoder.h"
#include "models/families.h"
#include "models/pre_norm_block.h"
#include "models/windows.h"

namespace mlxd {

namespace {

nn::Attention make_attention(const Config& c, const nn::Weights& layer, int index,
                             const nn::Rope& rope) {
  const bool alternates = c.layer_types.empty() && index % 2 == 0;
  const auto window = alternates ? c.sliding_window : listed_window(c, index);
  return nn::Attention(attention_shape(c, window), rope, std::nullopt,
                       (layer / "self_attn").take_dense("sinks", {c.heads}));
}

// OpenAI's own layout: rows of the gate's and of the up projection take turns.
void split_turns(const nn::Weights& experts) {
  const nn::Weights both = experts / "gate_up_proj";
  if (!both.has("weight")) return;
  for (const char* name : {"weight", "scales", "bias"}) {
    const mx::array tensor = both.pull(name);  // [experts, rows, ...]
    if (tensor.ndim() < 2) (both / name).fail("must have rows for each expert");
    const auto every_second = [&](int first) {
      mx::Shape start(tensor.ndim(), 0), strides(tensor.ndim(), 1);
      start[1] = first;
      strides[1] = 2;
      return mx::slice(tensor, start, tensor.shape(), strides);
    };
    (experts / "gate_proj").put(name, every_second(0));
    (experts / "up_proj").put(name, every_second(1));
  }
}

std::unique_ptr<FeedForward> make_mixture(const Config& c, const nn::Weights& layer) {
  const nn::Weights w = layer / "mlp";
  split_turns(w / "experts");
  const Fields fields = c.fields();
  const int experts = fields.integer("num_local_experts", 1, kMostExperts);
  const int choices = fields.integer("num_experts_per_tok", 1, experts);
  if (fields.real("swiglu_limit", 0, 1e6, 7) != 7) {
    fields.fail("swiglu_limit", "other than 7 is not supported");
  }
  return std::make_unique<Mixture>(
      nn::RmsNorm(layer / "post_attention_layernorm", c.hidden_size, c.norm_eps),
      nn::Router(w / "router", c.hidden_size, {experts, choices}),
      nn::Experts(w / "experts",
                  {experts, c.hidden_size, c.intermediate_size, kernels::Activation::clamped_silu},
                  nn::Bias::required));
}

}  // namespace

std::unique_ptr<Model> make_gpt_oss(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<PreNormBlock>>(c, w, [&](const nn::Weights& layer, int index) {
    return PreNormBlock(c, layer, make_attention(c, layer, index, rope), biases_of(c),
                        make_mixture(c, layer));
  });
}

}  // namespace mlxd
