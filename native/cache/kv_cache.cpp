// See kv_cache.h.
#include "cache/kv_cache.h"

namespace mlxd {

std::pair<mx::array, mx::array> KvCache::append(const mx::array& keys, const mx::array& values) {
  const int before = length_;
  length_ += keys.shape(2);
  return buffer_.append(keys, values, before);
}

}  // namespace mlxd
