// See prefix_cache.h.
#include "engine/prefix_cache.h"

#include <ranges>
#include <utility>

namespace mlxd {

std::optional<PrefixCache::Hit> PrefixCache::find(const std::string& salt,
                                                  std::span<const Token> tokens) {
  PrefixIndex::Match match = index_.find(salt, tokens);
  for (const auto& candidate : match.candidates) {
    const Snapshot* found = snapshot(candidate.id);
    if (!found || !found->cache.has_prefix(candidate.length)) continue;
    return Hit{found->cache.prefix(candidate.length), candidate.length, std::move(match.lease)};
  }
  return std::nullopt;
}

void PrefixCache::keep(const std::string& salt, std::span<const Token> tokens,
                       const SequenceCache& cache) {
  const int length = static_cast<int>(tokens.size());
  if (!enabled() || length == 0 || !cache.has_prefix(length)) return;
  const PrefixIndex::Place place = index_.insert(salt, tokens);
  if (place.cut) cut(*place.cut);
  if (!snapshot(place.id)) {
    snapshots_.emplace(place.id, Snapshot{cache.prefix(length)}).first->second.cache.settle();
  }
  share_path(index_.find(salt, tokens));
  while (bytes_ > budget_ && evict()) {
  }
}

/// The upper part of a node that was cut takes its snapshot from the lower one, if windows let it.
void PrefixCache::cut(const PrefixIndex::Cut& cut) {
  Snapshot* lower = snapshot(cut.lower);
  if (!lower || !lower->cache.has_prefix(cut.length)) return;
  Snapshot upper{lower->cache.prefix(cut.length)};
  count(*lower, lower->cache.bytes_beyond(upper.cache));
  snapshots_.emplace(cut.upper, std::move(upper));
}

/// Counts what each snapshot of a path adds to those before it. One that shares nothing with the
/// newest, which holds the same tokens, makes place for a part of that; unless other branches share
/// with it.
void PrefixCache::share_path(const PrefixIndex::Match& path) {
  const Snapshot* newest = snapshot(path.candidates.front().id);
  const Snapshot* before = nullptr;
  for (const auto& node : std::views::reverse(path.candidates)) {
    Snapshot* at = snapshot(node.id);
    if (!at) continue;
    if (at != newest && !node.branches && newest->cache.has_prefix(node.length) &&
        newest->cache.bytes_beyond(at->cache) == newest->cache.bytes()) {
      at->cache = newest->cache.prefix(node.length);
    }
    count(*at, before ? at->cache.bytes_beyond(before->cache) : at->cache.bytes());
    before = at;
  }
}

void PrefixCache::count(Snapshot& snapshot, size_t own) {
  bytes_ = bytes_ - snapshot.own + own;
  snapshot.own = own;
}

bool PrefixCache::evict() {
  const auto evicted = index_.evict();
  if (!evicted) return false;
  ++evictions_;
  if (Snapshot* gone = snapshot(*evicted)) {
    count(*gone, 0);
    snapshots_.erase(*evicted);
  }
  return true;
}

PrefixCache::Snapshot* PrefixCache::snapshot(SnapshotId id) {
  const auto found = snapshots_.find(id);
  return found == snapshots_.end() ? nullptr : &found->second;
}

}  // namespace mlxd
