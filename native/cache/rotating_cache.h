// The cache of a sliding-window layer: positions that no later token sees are dropped. Engine
// thread only.
#pragma once

#include "cache/kv_buffer.h"
#include "cache/sequence_cache.h"

namespace mlxd {

/// Memory stays at a small multiple of the window. Positions stay in order: instead of writing
/// round a ring, the last window is moved to the front whenever the buffer is full.
class RotatingCache : public LayerCache {
 public:
  /// `window`: how many positions a token sees, itself included; at least 1.
  explicit RotatingCache(int window) : window_(window) {}

  /// Returns up to window - 1 + L positions: the first of the L new tokens sees its whole window.
  std::pair<mx::array, mx::array> append(const mx::array& keys, const mx::array& values) override;
  KvRoom reserve(const mx::Shape& shape, mx::Dtype type) override;
  void written(const mx::array& keys, const mx::array& values) override {
    buffer_.written(keys, values);
  }
  std::vector<mx::array> state() const override { return buffer_.state(); }
  size_t bytes() const override { return buffer_.bytes(); }

 private:
  int advance(int count);  // returns the positions kept before

  KvBuffer buffer_;
  int window_;
  int kept_ = 0;  // positions that the next token sees before itself
};

}  // namespace mlxd
