// See sequence_cache.h.
#include "cache/sequence_cache.h"

namespace mlxd {

std::vector<mx::array> SequenceCache::state() const {
  std::vector<mx::array> all;
  for (const auto& layer : layers) {
    const auto state = layer->state();
    all.insert(all.end(), state.begin(), state.end());
  }
  return all;
}

size_t SequenceCache::bytes() const {
  size_t total = 0;
  for (const auto& layer : layers) total += layer->bytes();
  return total;
}

}  // namespace mlxd
