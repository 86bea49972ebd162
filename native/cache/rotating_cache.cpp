// See rotating_cache.h.
#include "cache/rotating_cache.h"

#include <algorithm>

namespace mlxd {

std::pair<mx::array, mx::array> RotatingCache::append(const mx::array& keys,
                                                      const mx::array& values) {
  const int before = kept_;
  kept_ = static_cast<int>(std::min<int64_t>(window_ - 1, int64_t{kept_} + keys.shape(2)));
  return buffer_.append(keys, values, before);
}

}  // namespace mlxd
