// See rotating_cache.h.
#include "cache/rotating_cache.h"

#include <algorithm>
#include <utility>

namespace mlxd {

std::pair<mx::array, mx::array> RotatingCache::append(const mx::array& keys,
                                                      const mx::array& values) {
  return buffer_.append(keys, values, advance(keys.shape(2)));
}

KvRoom RotatingCache::reserve(const mx::Shape& shape, mx::Dtype type) {
  return buffer_.reserve(shape, type, advance(shape[2]));
}

int RotatingCache::advance(int count) {
  const auto kept = static_cast<int>(std::min<int64_t>(window_ - 1, int64_t{kept_} + count));
  return std::exchange(kept_, kept);
}

}  // namespace mlxd
