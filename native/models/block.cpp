// See block.h.
#include "models/block.h"

namespace mlxd {

namespace {

nn::NormQkv make_qkv(const Config& c, const nn::Weights& w, const BlockPlan& plan) {
  const auto linear = [&](const char* name, int heads) {
    return nn::Linear(w / name, c.hidden_size, heads * c.head_dim, plan.biases.qkv);
  };
  return {plan.norms.before_attention, linear("q_proj", c.heads), linear("k_proj", c.kv_heads),
          linear("v_proj", c.kv_heads)};
}

std::unique_ptr<FeedForward> make_mlp(const Config& c, const nn::Weights& w,
                                      const BlockPlan& plan) {
  return std::make_unique<GatedMlp>(
      c, w,
      MlpPlace{plan.norms.before_mlp, plan.norms.after_mlp, plan.biases.mlp, plan.residual_scale});
}

}  // namespace

nn::HeadNorms head_norms(const Config& c, const nn::Weights& w) {
  const nn::Weights attention = w / "self_attn";
  return {nn::RmsNorm(attention / "q_norm", c.head_dim, c.norm_eps),
          nn::RmsNorm(attention / "k_norm", c.head_dim, c.norm_eps)};
}

BlockNorms pre_norms(const Config& c, const nn::Weights& w) {
  return {.before_attention = nn::RmsNorm(w / "input_layernorm", c.hidden_size, c.norm_eps),
          .before_mlp = nn::RmsNorm(w / "post_attention_layernorm", c.hidden_size, c.norm_eps)};
}

BlockNorms post_norms(const Config& c, const nn::Weights& w) {
  return {.after_attention = nn::RmsNorm(w / "post_attention_layernorm", c.hidden_size, c.norm_eps),
          .after_mlp = nn::RmsNorm(w / "post_feedforward_layernorm", c.hidden_size, c.norm_eps)};
}

Block::Block(const Config& c, const nn::Weights& w, nn::Attention attention, const BlockPlan& plan)
    : Block(c, w, std::move(attention), plan, make_mlp(c, w / "mlp", plan)) {}

Block::Block(const Config& c, const nn::Weights& w, nn::Attention attention, const BlockPlan& plan,
             std::unique_ptr<FeedForward> second_half)
    : qkv_(make_qkv(c, w / "self_attn", plan)),
      attention_(std::move(attention)),
      out_(nn::Linear(w / "self_attn" / "o_proj", c.heads * c.head_dim, c.hidden_size,
                      plan.biases.out),
           plan.norms.after_attention, plan.residual_scale),
      feed_forward_(std::move(second_half)),
      parallel_(plan.parallel) {}

}  // namespace mlxd
