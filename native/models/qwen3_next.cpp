// Qwen3-Next: three layers of linear attention by the gated delta rule to one of gated attention,
// and a mixture of experts in each.
#include "models/any_block.h"
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "models/qwen_mixture.h"
#include "nn/gated_delta.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

/// x + out(delta(norm(x))), then the second half.
class DeltaBlock {
 public:
  DeltaBlock(const nn::Weights& w, const nn::GatedDeltaShape& s, const nn::Norm& norm,
             std::unique_ptr<FeedForward> second_half)
      : delta_(w, s, norm),
        out_(nn::Linear(w / "out_proj", s.values(), s.hidden)),
        feed_forward_(std::move(second_half)) {}

  mx::array operator()(const mx::array& x, const Step& step, int place) const {
    const mx::array h = out_(delta_(x, step, place), x);
    return (*feed_forward_)(h, h);
  }

  void add_caches(mx::Dtype type, SequenceCache& cache) const { delta_.add_caches(type, cache); }

 private:
  nn::GatedDelta delta_;
  nn::ResidualLinear out_;
  std::unique_ptr<FeedForward> feed_forward_;
};

/// x + out(attention(norm(x)) * sigmoid(gate(norm(x)))), then the second half.
class GatedBlock {
 public:
  GatedBlock(const Config& c, const nn::Weights& w, const nn::Norm& norm, nn::Attention attention,
             std::unique_ptr<FeedForward> second_half)
      : norm_(norm),
        qkv_(make_qkv(c, w)),
        gate_(linear(c, w / "gate_proj", c.heads)),
        attention_(std::move(attention)),
        out_(nn::Linear(w / "o_proj", c.heads * c.head_dim, c.hidden_size, biases_of(c).out)),
        feed_forward_(std::move(second_half)) {}

  mx::array operator()(const mx::array& x, const Step& step, int place) const {
    const mx::array normed = norm_(x);
    const mx::array gate = mx::sigmoid(gate_(normed));
    const mx::array h = out_(attention_(qkv_(normed), step, place) * gate, x);
    return (*feed_forward_)(h, h);
  }

  void add_caches(mx::Dtype type, SequenceCache& cache) const {
    cache.layers.push_back(attention_.make_cache(type));
  }

 private:
  static nn::Linear linear(const Config& c, const nn::Weights& w, int heads) {
    return {w, c.hidden_size, heads * c.head_dim, biases_of(c).qkv};
  }

  // Queries and gates of a head lie together.
  static nn::NormQkv make_qkv(const Config& c, const nn::Weights& w) {
    nn::split_rows(w / "q_proj", {{w / "q_proj", c.head_dim}, {w / "gate_proj", c.head_dim}},
                   c.heads);
    return {std::nullopt, linear(c, w / "q_proj", c.heads), linear(c, w / "k_proj", c.kv_heads),
            linear(c, w / "v_proj", c.kv_heads)};
  }

  nn::Norm norm_;
  nn::NormQkv qkv_;
  nn::Linear gate_;
  nn::Attention attention_;
  nn::ResidualLinear out_;
  std::unique_ptr<FeedForward> feed_forward_;
};

nn::GatedDeltaShape delta_shape(const Config& c) {
  const Fields fields = c.fields();
  const auto size = [&](const char* key) { return fields.integer(key, 1, 1 << 14); };
  const nn::GatedDeltaShape shape{c.hidden_size,
                                  size("linear_num_key_heads"),
                                  size("linear_num_value_heads"),
                                  size("linear_key_head_dim"),
                                  size("linear_value_head_dim"),
                                  fields.integer("linear_conv_kernel_dim", 2, 64),
                                  c.norm_eps};
  if (shape.value_heads % shape.key_heads != 0) {
    fields.fail("linear_num_key_heads", "must divide linear_num_value_heads");
  }
  return shape;
}

bool has_attention(const Config& c, int layer) {
  if (!c.layer_types.empty()) return c.layer_types[layer] == LayerType::full_attention;
  return (layer + 1) % c.fields().integer("full_attention_interval", 1, c.layers, 4) == 0;
}

// The authors' norms multiply with 1 + weight, mlx-lm's with what it has added up. Which of them a
// checkpoint is of shows in the axes of its convolutions.
float norm_offset(const nn::Weights& layers, const Config& c) {
  for (int layer = 0; layer < c.layers; ++layer) {
    if (nn::has_torch_axes(layers / layer / "linear_attn" / "conv1d")) return 1;
  }
  return 0;
}

}  // namespace

std::unique_ptr<Model> make_qwen3_next(const Config& c, const nn::Weights& w) {
  nn::RopeConfig rope_config = c.rope;
  rope_config.rotated = c.rope.rotated.value_or(0.25f);
  const nn::Rope rope(rope_config, c.head_dim);
  const nn::GatedDeltaShape delta = delta_shape(c);
  const float offset = norm_offset(w / "model" / "layers", c);
  (w / "mtp").ignore();  // it predicts further tokens ahead
  const auto norm_of = [&](const nn::Weights& at, int width) {
    return nn::RmsNorm(at, width, c.norm_eps, offset);
  };
  using Layer = AnyBlock<DeltaBlock, GatedBlock>;
  return std::make_unique<Decoder<Layer>>(
      c, w,
      [&](const nn::Weights& layer, int index) -> Layer {
        const nn::Norm before = norm_of(layer / "input_layernorm", c.hidden_size);
        const nn::Norm between = norm_of(layer / "post_attention_layernorm", c.hidden_size);
        std::unique_ptr<FeedForward> half;
        if (has_experts(c, index)) {
          half = qwen_mixture(c, layer, between, true);
        } else {
          half = std::make_unique<GatedMlp>(c, layer / "mlp", MlpPlace{between, std::nullopt});
        }
        if (!has_attention(c, index)) {
          return DeltaBlock(layer / "linear_attn", delta, before, std::move(half));
        }
        const nn::Weights at = layer / "self_attn";
        const nn::HeadNorms norms{norm_of(at / "q_norm", c.head_dim),
                                  norm_of(at / "k_norm", c.head_dim)};
        return GatedBlock(c, at, before,
                          nn::Attention(attention_shape(c, std::nullopt), rope, norms),
                          std::move(half));
      },
      DecoderEnds{.norm = norm_of(w / "model" / "norm", c.hidden_size)});
}

}  // namespace mlxd
