// See hybrid_block.h.
#include "models/hybrid_block.h"

namespace mlxd {

namespace {

nn::NormQkv make_qkv(const Config& c, const nn::Weights& w, const nn::Norm& norm) {
  const auto linear = [&](const char* name, int heads) {
    return nn::Linear(w / name, c.hidden_size, heads * c.head_dim);
  };
  return {norm, linear("q_proj", c.heads), linear("k_proj", c.kv_heads),
          linear("v_proj", c.kv_heads)};
}

MlpPlace mlp_place(const Config& c, const nn::Weights& w) {
  return {nn::RmsNorm(w / "pre_ff_layernorm", c.hidden_size, c.norm_eps), std::nullopt};
}

}  // namespace

HybridBlock::HybridBlock(const Config& c, const nn::Weights& w, const nn::MambaShape& shape,
                         nn::Attention attention, float value_scale)
    : norm_(nn::RmsNorm(w / "input_layernorm", c.hidden_size, c.norm_eps)),
      mamba_(w / "mamba", shape, norm_),
      mamba_out_(nn::Linear(w / "mamba" / "out_proj", shape.inner(), c.hidden_size)),
      qkv_(make_qkv(c, w / "self_attn", norm_)),
      attention_(std::move(attention)),
      attention_out_(nn::Linear(w / "self_attn" / "o_proj", c.heads * c.head_dim, c.hidden_size),
                     std::nullopt, value_scale),
      mlp_(c, w / "feed_forward", mlp_place(c, w)) {}

}  // namespace mlxd
