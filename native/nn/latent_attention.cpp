// See latent_attention.h.
#include "nn/latent_attention.h"

#include "nn/layout.h"

namespace mlxd::nn {

namespace {

// Columns [from, to) of the last axis of x [T, heads, width].
mx::array columns(const mx::array& x, int from, int to) {
  return mx::slice(x, {0, 0, from}, {x.shape(0), x.shape(1), to});
}

mx::array joined(const mx::array& a, const mx::array& b) { return mx::concatenate({a, b}, -1); }

Weights with_both(const Weights& w, const LatentShape& s) {
  split_latent_heads(w / "kv_b_proj", s.heads, w / "embed_q", s.plain, w / "unembed_out", s.value);
  return w;
}

}  // namespace

// The rotated columns come first, where a rope of a part of a head turns them.
LatentAttention::LatentAttention(const Weights& w, const LatentShape& s, Rope rope)
    : shape_(s),
      embed_(with_both(w, s) / "embed_q", s.heads, s.plain, s.latent),
      unembed_(w / "unembed_out", s.heads, s.latent, s.value),
      attention_(
          {.heads = s.heads, .kv_heads = 1, .head_dim = s.rotated + s.latent, .scale = s.scale},
          std::move(rope)) {}

mx::array LatentAttention::operator()(const mx::array& q, const mx::array& latent,
                                      const mx::array& key, const Step& step, int layer) const {
  const int tokens = q.shape(0), width = shape_.rotated + shape_.latent;
  const mx::array heads = mx::reshape(q, {tokens, shape_.heads, shape_.query()});
  const mx::array plain = embed_(columns(heads, 0, shape_.plain));
  const mx::array query = joined(columns(heads, shape_.plain, shape_.query()), plain);
  const mx::array nothing = mx::zeros({tokens, shape_.rotated}, latent.dtype());
  const mx::array sums = attention_({mx::reshape(query, {tokens, shape_.heads * width}),
                                     joined(key, latent), joined(nothing, latent)},
                                    step, layer);
  const mx::array values = mx::reshape(sums, {tokens, shape_.heads, width});
  return mx::reshape(unembed_(columns(values, shape_.rotated, width)), {tokens, -1});
}

}  // namespace mlxd::nn
