// See sequence_cache.h.
#include "cache/sequence_cache.h"

#include <algorithm>

namespace mlxd {

std::vector<mx::array> SequenceCache::state() const {
  std::vector<mx::array> all;
  for (const auto& layer : layers) {
    const auto state = layer->state();
    all.insert(all.end(), state.begin(), state.end());
  }
  return all;
}

bool SequenceCache::has_prefix(int positions) const {
  return std::ranges::all_of(layers,
                             [&](const auto& layer) { return layer->has_prefix(positions); });
}

SequenceCache SequenceCache::prefix(int positions) const {
  SequenceCache prefix;
  for (const auto& layer : layers) prefix.layers.push_back(layer->prefix(positions));
  return prefix;
}

void SequenceCache::prepare(int count) {
  for (const auto& layer : layers) layer->prepare(count);
}

void SequenceCache::settle() {
  for (const auto& layer : layers) layer->settle();
}

size_t SequenceCache::bytes() const {
  size_t total = 0;
  for (const auto& layer : layers) total += layer->bytes();
  return total;
}

size_t SequenceCache::bytes_beyond(const SequenceCache& other) const {
  size_t total = 0;
  for (size_t i = 0; i < layers.size(); ++i) total += layers[i]->bytes_beyond(*other.layers[i]);
  return total;
}

size_t SequenceCache::bytes_for(int positions) const {
  size_t total = 0;
  for (const auto& layer : layers) total += layer->bytes_for(positions);
  return total;
}

}  // namespace mlxd
