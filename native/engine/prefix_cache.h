// Keys and values of earlier sequences, kept for later ones that begin with the same tokens. Engine
// thread only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "cache/sequence_cache.h"
#include "engine/core/prefix_index.h"

namespace mlxd {

/// Snapshots are caches that share their memory with the sequences they come from and with those
/// that begin with them, so neither keeping nor finding copies more than an open page (arrays on a
/// GPU: once a buffer).
///
/// Which prefixes can be reused: without sliding windows every one, to the token. With them one
/// that ends where a snapshot was taken, or so little before that the snapshot still holds the
/// window there. The engine takes them where chunks of a prompt end, before its last token, and
/// after a reply.
class PrefixCache {
 public:
  /// `budget`: bytes to keep at the most; 0 keeps nothing.
  explicit PrefixCache(size_t budget) : budget_(budget) {}

  struct Hit {
    SequenceCache cache;       // of the first `length` tokens
    int length;                // at least 1
    PrefixIndex::Lease lease;  // keeps them here while the sequence lives
  };

  /// The longest reusable prefix of `tokens`. Must not outlive this.
  std::optional<Hit> find(const std::string& salt, std::span<const Token> tokens);

  /// Keeps what `cache` holds of `tokens`, the first that it has seen and all computed, in place of
  /// what was used longest ago.
  void keep(const std::string& salt, std::span<const Token> tokens, const SequenceCache& cache);

  /// Forgets the end that was used longest ago. False if there is none that no sequence uses.
  bool evict();

  bool enabled() const { return budget_ > 0; }
  size_t bytes() const { return bytes_; }
  size_t entries() const { return index_.size(); }
  int64_t evictions() const { return evictions_; }

 private:
  struct Snapshot {
    SequenceCache cache;
    size_t own = 0;  // bytes that no snapshot before it on its path holds
  };

  Snapshot* snapshot(SnapshotId id);
  void cut(const PrefixIndex::Cut& cut);
  void share_path(const PrefixIndex::Match& path);
  void count(Snapshot& snapshot, size_t own);

  const size_t budget_;
  PrefixIndex index_;
  std::unordered_map<SnapshotId, Snapshot> snapshots_;
  size_t bytes_ = 0;
  int64_t evictions_ = 0;
};

}  // namespace mlxd
