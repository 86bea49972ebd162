// See latent_block.h.
#include "models/latent_block.h"

#include "models/block.h"
#include "nn/layout.h"

namespace mlxd {

namespace {

constexpr float kLatentEps = 1e-6f;  // of the norms inside of attention, whatever the config says

nn::NormQkv make_in(const Config& c, const nn::Weights& layer, const nn::LatentShape& s,
                    std::optional<int> query_rank) {
  const nn::Weights w = layer / "self_attn";
  const nn::Bias bias = biases_of(c).qkv;
  nn::split_rows(w / "kv_a_proj_with_mqa",
                 {{w / "latent_proj", s.latent}, {w / "key_proj", s.rotated}});
  return {nn::RmsNorm(layer / "input_layernorm", c.hidden_size, c.norm_eps),
          query_rank ? nn::Linear(w / "q_a_proj", c.hidden_size, *query_rank, bias)
                     : nn::Linear(w / "q_proj", c.hidden_size, s.heads * s.query()),
          nn::Linear(w / "latent_proj", c.hidden_size, s.latent, bias),
          nn::Linear(w / "key_proj", c.hidden_size, s.rotated, bias)};
}

std::optional<int> query_rank(const Config& c) {
  const Fields fields = c.fields();
  if (!fields.has("q_lora_rank")) return std::nullopt;
  return fields.integer("q_lora_rank", 1, kMostWidth);
}

}  // namespace

LatentBlock::LatentBlock(const Config& c, const nn::Weights& layer, const nn::LatentShape& s,
                         const nn::Rope& rope, std::unique_ptr<FeedForward> second_half)
    : in_(make_in(c, layer, s, query_rank(c))),
      latent_norm_(nn::RmsNorm(layer / "self_attn" / "kv_a_layernorm", s.latent, kLatentEps)),
      attention_(layer / "self_attn", s, rope),
      out_(nn::Linear(layer / "self_attn" / "o_proj", s.heads * s.value, c.hidden_size,
                      biases_of(c).out)),
      feed_forward_(std::move(second_half)) {
  if (const auto rank = query_rank(c)) {
    const nn::Weights w = layer / "self_attn";
    query_norm_ = nn::RmsNorm(w / "q_a_layernorm", *rank, kLatentEps);
    expand_ = nn::Linear(w / "q_b_proj", *rank, s.heads * s.query());
  }
}

}  // namespace mlxd
