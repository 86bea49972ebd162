// A layer's cache over one KvBuffer: what the kinds of caches share. They differ in how many
// positions they keep. Engine thread only.
#pragma once

#include "cache/kv_buffer.h"
#include "cache/sequence_cache.h"

namespace mlxd {

class BufferedCache : public LayerCache {
 public:
  std::pair<mx::array, mx::array> append(const mx::array& keys, const mx::array& values) final {
    return buffer_.append(keys, values, advance(keys.shape(2)));
  }
  KvRoom reserve(const mx::Shape& shape, mx::Dtype type) final {
    return buffer_.reserve(shape, type, advance(shape[2]));
  }
  void written(const mx::array& keys, const mx::array& values) final {
    buffer_.written(keys, values);
  }
  std::vector<mx::array> state() const final { return buffer_.state(); }
  size_t bytes() const final { return buffer_.bytes(); }

 private:
  /// Takes `count` new positions; returns how many of those before them are kept.
  virtual int advance(int count) = 0;

  KvBuffer buffer_;
};

}  // namespace mlxd
