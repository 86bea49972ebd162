// The keys and values of one sequence, one LayerCache a layer. Not shared between sequences. Engine
// thread only.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "mlx/mlx.h"

namespace mlxd {
namespace mx = mlx::core;

/// Keys and values of one attention layer of one sequence.
class LayerCache {
 public:
  virtual ~LayerCache() = default;

  /// Appends `keys` and `values` ([1, kv_heads, L, head_dim]) and returns all positions that a
  /// query of this step may see ([1, kv_heads, S, head_dim], oldest first, the L new ones last).
  virtual std::pair<mx::array, mx::array> append(const mx::array& keys,
                                                 const mx::array& values) = 0;

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
