// LFM2: layers of attention among layers of a gated short convolution.
#include <algorithm>

#include "models/any_block.h"
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "nn/layout.h"
#include "nn/short_conv.h"

namespace mlxd {

namespace {

/// h + out(c * conv(b * x)) of three projections b, c, x; then an MLP.
class ConvBlock {
 public:
  ConvBlock(const Config& c, const nn::Weights& w, const BlockNorms& norms);

  mx::array operator()(const mx::array& h, const Step& step, int layer) const {
    const auto [b, c, x] = in_(h);
    const mx::array mixed = out_(c * conv_(b * x, step, layer), h);
    return mlp_(mixed, mixed);
  }

  void add_caches(mx::Dtype type, SequenceCache& cache) const {
    cache.layers.push_back(conv_.make_cache(type));
  }

 private:
  nn::NormQkv in_;
  nn::ShortConv conv_;
  nn::ResidualLinear out_;
  GatedMlp mlp_;
};

nn::Bias conv_bias(const Config& c) {
  return c.fields().boolean("conv_bias", false) ? nn::Bias::required : nn::Bias::if_present;
}

nn::NormQkv make_in(const Config& c, const nn::Weights& w, const nn::Norm& norm) {
  const int width = c.hidden_size;
  nn::split_rows(w / "in_proj",
                 {{w / "b_proj", width}, {w / "c_proj", width}, {w / "x_proj", width}});
  const auto linear = [&](const char* name) {
    return nn::Linear(w / name, width, width, conv_bias(c));
  };
  return {norm, linear("b_proj"), linear("c_proj"), linear("x_proj")};
}

ConvBlock::ConvBlock(const Config& c, const nn::Weights& w, const BlockNorms& norms)
    : in_(make_in(c, w / "conv", *norms.before_attention)),
      conv_(w / "conv" / "conv", c.hidden_size, c.fields().integer("conv_L_cache", 2, 64),
            conv_bias(c)),
      out_(nn::Linear(w / "conv" / "out_proj", c.hidden_size, c.hidden_size, conv_bias(c))),
      mlp_(c, w / "mlp", {norms.before_mlp, std::nullopt}) {}

using Lfm2Block = AnyBlock<Block, ConvBlock>;

bool has_attention(const Config& c, int layer) {
  if (!c.layer_types.empty()) return c.layer_types[layer] == LayerType::full_attention;
  const auto listed = c.fields().integers("full_attn_idxs", 0, c.layers - 1);
  return std::ranges::find(listed, layer) != listed.end();
}

// Some configs name a width that is two thirds, scaled and rounded up, of the MLP's.
int mlp_width(const Config& c) {
  const Fields fields = c.fields();
  if (!fields.boolean("block_auto_adjust_ff_dim", true)) return c.intermediate_size;
  const float factor = fields.real("block_ffn_dim_multiplier", 1e-3, 1e3, 1.0f);
  const int multiple = fields.integer("block_multiple_of", 1, kMostWidth, 256);
  const int scaled = static_cast<int>(factor * static_cast<float>(2 * c.intermediate_size / 3));
  return (scaled + multiple - 1) / multiple * multiple;
}

void name_as_llama(const nn::Weights& layer) {
  const nn::Weights attention = layer / "self_attn", mlp = layer / "feed_forward";
  nn::rename(attention / "out_proj", attention / "o_proj");
  nn::rename(attention / "q_layernorm", attention / "q_norm");
  nn::rename(attention / "k_layernorm", attention / "k_norm");
  nn::rename(mlp / "w1", layer / "mlp" / "gate_proj");
  nn::rename(mlp / "w3", layer / "mlp" / "up_proj");
  nn::rename(mlp / "w2", layer / "mlp" / "down_proj");
  nn::rename(layer / "operator_norm", layer / "input_layernorm");
  nn::rename(layer / "ffn_norm", layer / "post_attention_layernorm");
}

}  // namespace

std::unique_ptr<Model> make_lfm2(const Config& config, const nn::Weights& w) {
  Config c = config;
  c.intermediate_size = mlp_width(config);
  const nn::Rope rope(c.rope, c.head_dim);
  nn::rename(w / "model" / "embedding_norm", w / "model" / "norm");
  return std::make_unique<Decoder<Lfm2Block>>(
      c, w, [&](const nn::Weights& layer, int index) -> Lfm2Block {
        name_as_llama(layer);
        const BlockNorms norms = pre_norms(c, layer);
        if (!has_attention(c, index)) return ConvBlock(c, layer, norms);
        const nn::Attention attention(attention_shape(c, std::nullopt), rope, head_norms(c, layer));
        return Block(c, layer, attention, {norms, biases_of(c)});
      });
}

}  // namespace mlxd
