// Attention of a step's tokens to their sequences' caches: norm of heads, rope, append, attend.
#pragma once

#include <memory>
#include <optional>

#include "nn/norm.h"
#include "nn/rope.h"
#include "nn/step.h"

namespace mlxd::nn {

struct AttentionShape {
  int heads;
  int kv_heads;  // divides heads: that many query heads share a key head
  int head_dim;
  std::optional<int> window;  // how many positions a token sees, itself included; all without
};

/// Norms of each head of queries and keys, of width head_dim.
struct HeadNorms {
  RmsNorm q, k;
};

class Attention {
 public:
  Attention(AttentionShape shape, Rope rope, std::optional<HeadNorms> norms = std::nullopt)
      : shape_(shape), rope_(std::move(rope)), norms_(std::move(norms)) {}

  /// q [T, heads * head_dim], k and v [T, kv_heads * head_dim] -> [T, heads * head_dim]. Each token
  /// attends causally to its own sequence. Appends to the caches of `layer`.
  mx::array operator()(const Qkv& qkv, const Step& step, int layer) const;

  /// An empty cache of the kind that this layer needs.
  std::unique_ptr<LayerCache> make_cache() const;

 private:
  mx::array attend(const Qkv& qkv, const Segment& segment, int layer) const;
  mx::array attend_in_place(const Qkv& qkv, const Step& step, int layer) const;
  float scale() const;  // of scores

  AttentionShape shape_;
  Rope rope_;
  std::optional<HeadNorms> norms_;
};

}  // namespace mlxd::nn
