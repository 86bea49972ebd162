// See attention.h.
#include "nn/attention.h"

#include <algorithm>
#include <cmath>

#include "cache/array_cache.h"
#include "cache/paged_cache.h"
#include "kernels/recording.h"
#include "kernels/rotation.h"

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

Attention::Attention(AttentionShape shape, Rope rope, std::optional<HeadNorms> norms,
                     std::optional<mx::array> sinks)
    : shape_(shape),
      rope_(std::move(rope)),
      norms_(std::move(norms)),
      options_{shape.scale.value_or(1 / std::sqrt(static_cast<float>(shape.head_dim))),
               shape.window, shape.cap, std::move(sinks)},
      format_(kernels::kv_format(shape.kv_heads, shape.head_dim)) {}

mx::array Attention::operator()(const Qkv& qkv, const Step& step, int layer) const {
  Qkv all = norms_ && !norms_->after_rope ? normed(qkv) : qkv;
  all.q = grown(all.q, step);
  if (kernels::can_attend_in_place(all.q.dtype())) return attend_in_place(all, step, layer);
  std::vector<mx::array> outputs;
  int row = 0;
  for (const Segment& segment : step.segments) {
    const auto part = [&](const mx::array& x) { return rows(x, row, segment.length); };
    outputs.push_back(attend({part(all.q), part(all.k), part(all.v)}, segment, layer));
    row += segment.length;
  }
  return outputs.size() == 1 ? outputs.front() : mx::concatenate(outputs, 0);
}

Qkv Attention::normed(const Qkv& qkv) const { return {norms_->q(qkv.q), norms_->k(qkv.k), qkv.v}; }

Qkv Attention::rotated(const Qkv& qkv, const Step& step) const {
  std::vector<kernels::RowRun> runs;
  for (const Segment& s : step.segments) runs.push_back({s.length, s.offset});
  const auto turned = [&](const mx::array& x) {
    return kernels::rotated_rows(x, shape_.head_dim, runs, rope_.kernel());
  };
  return {turned(qkv.q), turned(qkv.k), qkv.v};
}

// Rotation does not change lengths, so queries may grow before it.
mx::array Attention::grown(const mx::array& q, const Step& step) const {
  const auto& growth = shape_.query_growth;
  const auto is_near = [&](const Segment& s) { return s.offset + s.length <= growth->context; };
  if (!growth) return q;
  // A recording must show that this depends on positions.
  if (!kernels::RecordingScope::is_open() && std::ranges::all_of(step.segments, is_near)) return q;
  std::vector<float> factors;  // of each token
  for (const Segment& segment : step.segments) {
    for (int i = 0; i < segment.length; ++i) {
      const int contexts = (segment.offset + i) / growth->context;
      factors.push_back(1 + growth->beta * std::log1p(static_cast<float>(contexts)));
    }
  }
  return q * mx::array(factors.begin(), {q.shape(0), 1}, q.dtype());
}

mx::array Attention::attend(const Qkv& qkv, const Segment& segment, int layer) const {
  const auto heads = [](const mx::array& x, int count) {
    return heads_first(split_heads(x, count));
  };
  mx::array q = rope_(heads(qkv.q, shape_.heads), segment.offset);
  mx::array k = rope_(heads(qkv.k, shape_.kv_heads), segment.offset);
  if (norms_rotated()) {
    q = norms_->q(q);
    k = norms_->k(k);
  }
  auto& cache = static_cast<ArrayCache&>(*segment.cache->layers[layer]);
  const auto [keys, values] = cache.append(k, heads(qkv.v, shape_.kv_heads));
  return kernels::attention(q, keys, values, options_);
}

mx::array Attention::attend_in_place(const Qkv& qkv, const Step& step, int layer) const {
  const auto cache_of = [&](const Segment& segment) -> PagedCache& {
    return static_cast<PagedCache&>(*segment.cache->layers[layer]);
  };
  std::vector<kernels::CachedSegment> segments;
  for (const Segment& s : step.segments) segments.push_back(cache_of(s).reserve(s.length));
  const Qkv all = norms_rotated() ? normed(rotated(qkv, step)) : qkv;
  const Rope rope = norms_rotated() ? Rope::none() : rope_;
  const auto out =
      kernels::cached_attention(all.q, all.k, all.v, segments, format_, rope.kernel(), options_);
  for (const Segment& s : step.segments) cache_of(s).written(out.appended);
  return out.output;
}

std::unique_ptr<LayerCache> Attention::make_cache(mx::Dtype type) const {
  if (kernels::can_attend_in_place(type)) {
    return std::make_unique<PagedCache>(format_, shape_.window);
  }
  return std::make_unique<ArrayCache>(shape_.kv_heads, shape_.head_dim, type, shape_.window);
}

}  // namespace mlxd::nn
