// See kv_cache.h.
#include "cache/kv_cache.h"

#include <utility>

namespace mlxd {

std::pair<mx::array, mx::array> KvCache::append(const mx::array& keys, const mx::array& values) {
  return buffer_.append(keys, values, advance(keys.shape(2)));
}

KvRoom KvCache::reserve(const mx::Shape& shape, mx::Dtype type) {
  return buffer_.reserve(shape, type, advance(shape[2]));
}

int KvCache::advance(int count) { return std::exchange(length_, length_ + count); }

}  // namespace mlxd
