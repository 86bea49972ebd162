// Attention of a step's tokens to their sequences' caches: norm of heads and rope in either
// order, append, attend.
#pragma once

#include <memory>
#include <optional>

#include "kernels/cached_attention.h"
#include "nn/norm.h"
#include "nn/rope.h"
#include "nn/step.h"

namespace mlxd::nn {

/// Llama 4's rule: a query at position p is multiplied by 1 + beta * log(1 + floor(p / context)),
/// so that attention stays as sharp over more keys than a model first learned with.
struct QueryGrowth {
  float beta;
  int context;
};

struct AttentionShape {
  int heads;
  int kv_heads;  // divides heads: that many query heads share a key head
  int head_dim;
  std::optional<int> window = {};   // how many positions a token sees, itself included; all without
  std::optional<float> cap = {};    // scores become cap * tanh(score / cap)
  std::optional<float> scale = {};  // of scores; 1 / sqrt(head_dim) without
  std::optional<QueryGrowth> query_growth = {};
};

/// Norms of each head of queries and keys, of width head_dim.
struct HeadNorms {
  Norm q, k;
  bool after_rope = false;  // else before; not where queries grow
};

class Attention {
 public:
  /// `sinks` [heads]: logits that join the softmax of a head without a value.
  Attention(AttentionShape shape, Rope rope, std::optional<HeadNorms> norms = std::nullopt,
            std::optional<mx::array> sinks = std::nullopt);

  /// q [T, heads * head_dim], k and v [T, kv_heads * head_dim] -> [T, heads * head_dim]. Each token
  /// attends causally to its own sequence. Appends to the caches of `layer`.
  mx::array operator()(const Qkv& qkv, const Step& step, int layer) const;

  /// An empty cache of the kind that this layer needs for keys and values of `type`.
  std::unique_ptr<LayerCache> make_cache(mx::Dtype type) const;

 private:
  bool norms_rotated() const { return norms_ && norms_->after_rope; }
  Qkv normed(const Qkv& qkv) const;
  mx::array grown(const mx::array& q, const Step& step) const;
  Qkv rotated(const Qkv& qkv, const Step& step) const;
  mx::array attend(const Qkv& qkv, const Segment& segment, int layer) const;
  mx::array attend_in_place(const Qkv& qkv, const Step& step, int layer) const;

  AttentionShape shape_;
  Rope rope_;
  std::optional<HeadNorms> norms_;
  kernels::AttentionOptions options_;
  kernels::KvFormat format_;
};

}  // namespace mlxd::nn
