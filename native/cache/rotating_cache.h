// The cache of a sliding-window layer: positions that no later token sees are dropped. Engine
// thread only.
#pragma once

#include "cache/buffered_cache.h"

namespace mlxd {

/// Memory stays at a small multiple of the window. Positions stay in order: instead of writing
/// round a ring, the last window is moved to the front whenever the buffer is full. `append`
/// returns up to window - 1 + L positions: the first of the L new tokens sees its whole window.
class RotatingCache : public BufferedCache {
 public:
  /// `window`: how many positions a token sees, itself included; at least 1.
  explicit RotatingCache(int window) : window_(window) {}

 private:
  int advance(int count) override;

  int window_;
  int kept_ = 0;  // positions that the next token sees before itself
};

}  // namespace mlxd
