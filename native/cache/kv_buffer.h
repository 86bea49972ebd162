// Keys and values in buffers with room to append in place: what the caches are made of.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "cache/sequence_cache.h"

namespace mlxd {
namespace mx = mlx::core;

class KvBuffer {
 public:
  /// Appends [1, kv_heads, L, head_dim] and returns the `keep` positions before them and the L new
  /// ones. Older positions may be dropped. `keep` is at most the positions held.
  std::pair<mx::array, mx::array> append(const mx::array& keys, const mx::array& values, int keep);

  /// Room for [1, kv_heads, L, head_dim] after the `keep` positions before; then its contents.
  KvRoom reserve(const mx::Shape& shape, mx::Dtype type, int keep);
  void written(const mx::array& keys, const mx::array& values);

  std::vector<mx::array> state() const;
  size_t bytes() const;

 private:
  struct Buffers {
    mx::array keys, values;  // [1, kv_heads, capacity, head_dim]
  };

  void make_room(const mx::Shape& shape, mx::Dtype type, int keep);

  std::optional<Buffers> buffers_;
  int end_ = 0;  // one past the newest position's place
};

}  // namespace mlxd
