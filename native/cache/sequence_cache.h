// The keys and values of one sequence, one LayerCache a layer. Not shared between sequences. Engine
// thread only.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "mlx/mlx.h"

namespace mlxd {
namespace mx = mlx::core;

/// Buffers [1, kv_heads, capacity, head_dim] whose last positions before `end` are to be written. A
/// query of this step may see positions [first, end).
struct KvRoom {
  mx::array keys, values;
  int first, end;
};

/// Keys and values of one attention layer of one sequence.
class LayerCache {
 public:
  virtual ~LayerCache() = default;

  /// Appends `keys` and `values` ([1, kv_heads, L, head_dim]) and returns all positions that a
  /// query of this step may see ([1, kv_heads, S, head_dim], oldest first, the L new ones last).
  virtual std::pair<mx::array, mx::array> append(const mx::array& keys,
                                                 const mx::array& values) = 0;

  /// `append` in two halves, for who writes in place: this makes room for L positions, `shape`
  /// being [1, kv_heads, L, head_dim]; `written` must follow before anything else is called.
  virtual KvRoom reserve(const mx::Shape& shape, mx::Dtype type) = 0;

  /// Takes the buffers of `reserve` back, with the new positions in them.
  virtual void written(const mx::array& keys, const mx::array& values) = 0;

  /// The arrays that must be evaluated for the appended positions to be computed; empty before the
  /// first append.
  virtual std::vector<mx::array> state() const = 0;

  /// Bytes of the buffers held.
  virtual size_t bytes() const = 0;
};

/// All layers of one sequence.
struct SequenceCache {
  std::vector<std::unique_ptr<LayerCache>> layers;

  std::vector<mx::array> state() const;
  size_t bytes() const;
};

}  // namespace mlxd
