// The cache of a layer whose attention MLX computes: arrays with room to append in place. Engine
// thread only.
#pragma once

#include <optional>
#include <utility>

#include "cache/sequence_cache.h"

namespace mlxd {

/// Arrays grow by half. With a window they stay at a small multiple of it: instead of writing round
/// a ring, the last window is moved to the front whenever an array is full, so that positions stay
/// in order. Either way a position is copied only a few times.
class ArrayCache : public LayerCache {
 public:
  /// `type` of the elements; `window`: how many positions a token sees, itself included; at least
  /// 1. All without.
  ArrayCache(int kv_heads, int head_dim, mx::Dtype type, std::optional<int> window = std::nullopt);

  /// Appends `keys` and `values` ([1, kv_heads, L, head_dim]) and returns all positions that the
  /// first of them sees, up to the last ([1, kv_heads, S, head_dim], oldest first).
  std::pair<mx::array, mx::array> append(const mx::array& keys, const mx::array& values);

  int length() const override { return length_; }
  std::vector<mx::array> state() const override;
  bool has_prefix(int positions) const override;
  std::unique_ptr<LayerCache> prefix(int positions) const override;
  size_t bytes() const override;
  size_t bytes_beyond(const LayerCache& other) const override;
  size_t bytes_for(int positions) const override;

 private:
  struct Arrays {
    mx::array keys, values;  // [1, kv_heads, capacity, head_dim]
  };

  /// How many of `positions` the token after them sees.
  int seen(int positions) const;
  void make_room(int count, int keep);

  int kv_heads_, head_dim_;
  mx::Dtype type_;
  std::optional<int> window_;
  std::optional<Arrays> arrays_;
  int length_ = 0;
  int end_ = 0;  // one past the newest position's place
};

}  // namespace mlxd
