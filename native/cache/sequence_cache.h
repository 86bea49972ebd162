// What layers keep of one sequence, one LayerCache or more a layer. Engine thread only.
#pragma once

#include <memory>
#include <vector>

#include "mlx/mlx.h"

namespace mlxd {
namespace mx = mlx::core;

/// What one layer keeps of one sequence: keys and values, or a state. How it is stored, and so how
/// it is appended to, is between the kind of cache and the layer that made it.
class LayerCache {
 public:
  virtual ~LayerCache() = default;

  /// Positions appended so far. Those that a sliding window has passed may be gone.
  virtual int length() const = 0;

  /// The arrays that must be evaluated for the appended positions to be computed; empty before the
  /// first append.
  virtual std::vector<mx::array> state() const = 0;

  /// Whether `prefix(positions)` can be had: 0 <= positions <= length(), and the token after them
  /// would find all that it sees. Of an attention layer without a window every prefix can.
  virtual bool has_prefix(int positions) const = 0;

  /// A cache as this one was after its first `positions`; both go on alone. Nothing is copied now:
  /// the prefix that appends within a page copies that, arrays whoever appends first while another
  /// reads. The positions need not have been computed yet. Throws std::invalid_argument unless
  /// has_prefix(positions).
  virtual std::unique_ptr<LayerCache> prefix(int positions) const = 0;

  /// Takes the memory for `count` more positions now, where it is taken as they come.
  virtual void prepare(int /*count*/) {}

  /// All its positions have been computed: what was held for the sake of that may go.
  virtual void settle() {}

  /// Bytes held, alone or with other caches.
  virtual size_t bytes() const = 0;

  /// Those of them that `other`, a cache of the same layer, does not hold.
  virtual size_t bytes_beyond(const LayerCache& other) const = 0;

  /// Bytes that a cache of this kind holds at most after `positions` that came one by one; where a
  /// window slides, a chunk adds its own positions until the next append.
  virtual size_t bytes_for(int positions) const = 0;
};

/// All layers of one sequence.
struct SequenceCache {
  std::vector<std::unique_ptr<LayerCache>> layers;

  std::vector<mx::array> state() const;

  /// These as of LayerCache, for all layers together.
  bool has_prefix(int positions) const;
  SequenceCache prefix(int positions) const;
  void prepare(int count);
  void settle();
  size_t bytes() const;
  size_t bytes_beyond(const SequenceCache& other) const;
  size_t bytes_for(int positions) const;
};

}  // namespace mlxd
