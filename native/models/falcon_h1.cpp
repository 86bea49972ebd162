// Falcon-H1: blocks of a Mamba mixer and attention, with a multiplier in many places. mlx-lm folds
// most of them into weights; what it leaves out is applied here.
#include <cmath>

#include "models/decoder.h"
#include "models/families.h"
#include "models/hybrid_block.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

constexpr double kMost = 1e6;

float multiplier(const Config& c, const char* key) { return c.fields().real(key, 0, kMost, 1); }

std::vector<float> multipliers(const Config& c, const char* key, size_t count) {
  const std::vector<float> factors = c.fields().reals(key, 0, kMost);
  if (factors.size() != count) {
    c.fields().fail(key, "must be an array of " + std::to_string(count) + " numbers");
  }
  return factors;
}

nn::MambaShape mamba_shape(const Config& c) {
  const Fields fields = c.fields();
  const auto size = [&](const char* key) { return fields.integer(key, 1, kMostWidth); };
  nn::MambaShape shape{.hidden = c.hidden_size,
                       .heads = size("mamba_n_heads"),
                       .head_dim = size("mamba_d_head"),
                       .groups = size("mamba_n_groups"),
                       .state = size("mamba_d_state"),
                       .taps = fields.integer("mamba_d_conv", 2, 64),
                       .eps = c.norm_eps};
  if (fields.boolean("mamba_rms_norm", false)) {
    shape.gate_norm = fields.boolean("mamba_norm_before_gate", true)
                          ? nn::MambaShape::GateNorm::before
                          : nn::MambaShape::GateNorm::after;
  }
  if (shape.heads % shape.groups != 0) {
    fields.fail("mamba_n_groups", "must divide mamba_n_heads");
  }
  return shape;
}

void refuse_biases(const Fields& fields) {
  for (const char* key : {"attention_bias", "mlp_bias", "mamba_proj_bias", "projectors_bias"}) {
    if (fields.boolean(key, false)) fields.fail(key, "is not supported");
  }
}

// In the type of the file, as mlx-lm does. `factors` is one number or [rows, 1].
void scale(const nn::Weights& layer, const mx::array& factors) {
  if (!layer.has("weight")) return;
  const mx::array weight = layer.pull("weight");
  layer.put("weight", mx::astype(mx::astype(weight, mx::float32) * factors, weight.dtype()));
}

// Of the rows of in_proj.
mx::array row_factors(const Config& c, const nn::MambaShape& s) {
  const std::vector<float> parts = multipliers(c, "ssm_multipliers", 5);
  const int keys = s.groups * s.state;
  const int rows[] = {s.inner(), s.inner(), keys, keys, s.heads};
  std::vector<mx::array> factors;
  for (size_t i = 0; i < parts.size(); ++i) {
    factors.push_back(mx::full({rows[i], 1}, parts[i] * multiplier(c, "ssm_in_multiplier")));
  }
  return mx::concatenate(factors, 0);
}

// Makes the authors' checkpoint mlx-lm's.
void fold_multipliers(const Config& c, const nn::Weights& w, const nn::MambaShape& shape) {
  const auto factor = [&](const char* key) { return mx::array(multiplier(c, key)); };
  const std::vector<float> mlp = multipliers(c, "mlp_multipliers", 2);
  scale(w / "model" / "embed_tokens", factor("embedding_multiplier"));
  scale(w / "lm_head", factor("lm_head_multiplier"));
  for (int i = 0; i < c.layers; ++i) {
    const nn::Weights layer = w / "model" / "layers" / i;
    scale(layer / "self_attn" / "q_proj", factor("attention_in_multiplier"));
    scale(layer / "self_attn" / "k_proj", factor("attention_in_multiplier"));
    scale(layer / "self_attn" / "o_proj", factor("attention_out_multiplier"));
    scale(layer / "mamba" / "in_proj", row_factors(c, shape));
    scale(layer / "mamba" / "out_proj", factor("ssm_out_multiplier"));
    scale(layer / "feed_forward" / "gate_proj", mx::array(mlp[0]));
    scale(layer / "feed_forward" / "down_proj", mx::array(mlp[1]));
  }
}

}  // namespace

std::unique_ptr<Model> make_falcon_h1(const Config& c, const nn::Weights& w) {
  refuse_biases(c.fields());
  const nn::MambaShape shape = mamba_shape(c);
  const nn::Rope rope(c.rope, c.head_dim);
  nn::rename(w / "model" / "final_layernorm", w / "model" / "norm");
  if (nn::has_torch_axes(w / "model" / "layers" / 0 / "mamba" / "conv1d")) {
    fold_multipliers(c, w, shape);
  }
  const bool tied = c.tie_word_embeddings.value_or(!(w / "lm_head").has("weight"));
  nn::AttentionShape attention{c.heads, c.kv_heads, c.head_dim};
  attention.scale = multiplier(c, "key_multiplier") / std::sqrt(static_cast<float>(c.head_dim));
  return std::make_unique<Decoder<HybridBlock>>(
      c, w,
      [&](const nn::Weights& layer, int) {
        return HybridBlock(c, layer, shape, nn::Attention(attention, rope),
                           multiplier(c, "attention_in_multiplier"));
      },
      DecoderEnds{.logit_scale = tied ? multiplier(c, "lm_head_multiplier") /
                                            multiplier(c, "embedding_multiplier")
                                      : 1});
}

}  // namespace mlxd
