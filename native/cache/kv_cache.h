// The cache of a layer whose tokens see all that came before. Engine thread only.
#pragma once

#include "cache/kv_buffer.h"
#include "cache/sequence_cache.h"

namespace mlxd {

class KvCache : public LayerCache {
 public:
  std::pair<mx::array, mx::array> append(const mx::array& keys, const mx::array& values) override;
  KvRoom reserve(const mx::Shape& shape, mx::Dtype type) override;
  void written(const mx::array& keys, const mx::array& values) override {
    buffer_.written(keys, values);
  }
  std::vector<mx::array> state() const override { return buffer_.state(); }
  size_t bytes() const override { return buffer_.bytes(); }

 private:
  int advance(int count);  // returns the positions held before

  KvBuffer buffer_;
  int length_ = 0;
};

}  // namespace mlxd
