// The cache of a layer whose tokens see all that came before. Engine thread only.
#pragma once

#include "cache/buffered_cache.h"

namespace mlxd {

class KvCache : public BufferedCache {
 private:
  int advance(int count) override { return std::exchange(length_, length_ + count); }

  int length_ = 0;
};

}  // namespace mlxd
