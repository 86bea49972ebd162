// See attention.h.
#include "nn/attention.h"

#include <cmath>

#include "cache/kv_cache.h"
#include "cache/rotating_cache.h"
#include "kernels/attention.h"
#include "kernels/cached_attention.h"

namespace mlxd::nn {

namespace {

mx::array rows(const mx::array& x, int from, int count) {
  if (from == 0 && count == x.shape(0)) return x;
  return mx::slice(x, {from, 0}, {from + count, x.shape(1)});
}

// [L, heads * head_dim] -> [L, heads, head_dim]
mx::array split_heads(const mx::array& x, int heads) {
  return mx::reshape(x, {x.shape(0), heads, -1});
}

// [L, heads, head_dim] -> [1, heads, L, head_dim]
mx::array heads_first(const mx::array& x) {
  return mx::expand_dims(mx::transpose(x, {1, 0, 2}), 0);
}

}  // namespace

mx::array Attention::operator()(const Qkv& qkv, const Step& step, int layer) const {
  if (kernels::can_attend_in_place(qkv.q, rope_.kernel())) return attend_in_place(qkv, step, layer);
  std::vector<mx::array> outputs;
  int row = 0;
  for (const Segment& segment : step.segments) {
    const auto part = [&](const mx::array& x) { return rows(x, row, segment.length); };
    outputs.push_back(attend({part(qkv.q), part(qkv.k), part(qkv.v)}, segment, layer));
    row += segment.length;
  }
  return outputs.size() == 1 ? outputs.front() : mx::concatenate(outputs, 0);
}

mx::array Attention::attend(const Qkv& qkv, const Segment& segment, int layer) const {
  mx::array q = split_heads(qkv.q, shape_.heads);
  mx::array k = split_heads(qkv.k, shape_.kv_heads);
  if (norms_) {
    q = norms_->q(q);
    k = norms_->k(k);
  }
  q = rope_(heads_first(q), segment.offset);
  k = rope_(heads_first(k), segment.offset);
  const mx::array v = heads_first(split_heads(qkv.v, shape_.kv_heads));
  const auto [keys, values] = segment.cache->layers[layer]->append(k, v);

  return kernels::attention(q, keys, values, scale(), shape_.window);
}

mx::array Attention::attend_in_place(const Qkv& qkv, const Step& step, int layer) const {
  const auto normed = [&](const RmsNorm& norm, const mx::array& x, int heads) {
    return mx::reshape(norm(split_heads(x, heads)), x.shape());
  };
  const mx::array q = norms_ ? normed(norms_->q, qkv.q, shape_.heads) : qkv.q;
  const mx::array k = norms_ ? normed(norms_->k, qkv.k, shape_.kv_heads) : qkv.k;
  std::vector<kernels::CachedSegment> segments;
  for (const Segment& s : step.segments) {
    const KvRoom room =
        s.cache->layers[layer]->reserve({1, shape_.kv_heads, s.length, shape_.head_dim}, q.dtype());
    segments.push_back({s.length, s.offset, room.keys, room.values, room.first, room.end});
  }
  const auto outputs =
      kernels::cached_attention(q, k, qkv.v, segments, rope_.kernel(), scale(), shape_.window);
  for (size_t i = 0; i < segments.size(); ++i) {
    step.segments[i].cache->layers[layer]->written(outputs[1 + 2 * i], outputs[2 + 2 * i]);
  }
  return outputs[0];
}

float Attention::scale() const { return 1 / std::sqrt(static_cast<float>(shape_.head_dim)); }

std::unique_ptr<LayerCache> Attention::make_cache() const {
  if (shape_.window) return std::make_unique<RotatingCache>(*shape_.window);
  return std::make_unique<KvCache>();
}

}  // namespace mlxd::nn
