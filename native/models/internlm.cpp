// InternLM 2 and 3: Llama's block. InternLM 2 has names of its own, and queries, keys and values in
// one matrix, those of each key head together.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

void name_as_llama(const Config& c, const nn::Weights& layer) {
  const nn::Weights from = layer / "attention", to = layer / "self_attn";
  const int queries = c.heads / c.kv_heads * c.head_dim;
  nn::split_rows(
      from / "wqkv",
      {{to / "q_proj", queries}, {to / "k_proj", c.head_dim}, {to / "v_proj", c.head_dim}},
      c.kv_heads);
  nn::rename(from / "wo", to / "o_proj");
  nn::rename(layer / "attention_norm", layer / "input_layernorm");
  nn::rename(layer / "ffn_norm", layer / "post_attention_layernorm");
  nn::rename(layer / "feed_forward" / "w1", layer / "mlp" / "gate_proj");
  nn::rename(layer / "feed_forward" / "w3", layer / "mlp" / "up_proj");
  nn::rename(layer / "feed_forward" / "w2", layer / "mlp" / "down_proj");
}

std::unique_ptr<Model> make(const Config& c, const nn::Weights& w, BlockBiases biases) {
  const nn::Rope rope(c.rope, c.head_dim);
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int) {
    return Block(c, layer, nn::Attention(attention_shape(c, std::nullopt), rope),
                 {pre_norms(c, layer), biases});
  });
}

nn::Bias bias(const Config& c, const char* key) {
  return c.fields().boolean(key, false) ? nn::Bias::required : nn::Bias::if_present;
}

}  // namespace

std::unique_ptr<Model> make_internlm2(const Config& c, const nn::Weights& w) {
  nn::rename(w / "model" / "tok_embeddings", w / "model" / "embed_tokens");
  nn::rename(w / "output", w / "lm_head");
  for (int layer = 0; layer < c.layers; ++layer) name_as_llama(c, w / "model" / "layers" / layer);
  return make(c, w, {bias(c, "bias"), bias(c, "bias"), nn::Bias::if_present});
}

std::unique_ptr<Model> make_internlm3(const Config& c, const nn::Weights& w) {
  return make(c, w, {bias(c, "qkv_bias"), bias(c, "qkv_bias"), bias(c, "bias")});
}

}  // namespace mlxd
