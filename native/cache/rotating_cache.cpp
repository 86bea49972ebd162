// See rotating_cache.h.
#include "cache/rotating_cache.h"

#include <algorithm>
#include <utility>

namespace mlxd {

int RotatingCache::advance(int count) {
  const auto kept = static_cast<int>(std::min<int64_t>(window_ - 1, int64_t{kept_} + count));
  return std::exchange(kept_, kept);
}

}  // namespace mlxd
