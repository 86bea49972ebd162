// Which prefixes of earlier sequences are kept, as a radix trie over tokens. It knows snapshots by
// number only; who owns the index keeps them. Engine thread only.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/types.h"

namespace mlxd {

/// Of the keys and values of one sequence up to some position; 0 is none.
using SnapshotId = uint64_t;

/// Each node ends a prefix, and is the place of one snapshot of it: number and node come and go
/// together, but the owner may have nothing under a number. Salts are apart: a prefix of one is
/// never found under another.
class PrefixIndex {
  struct Node;

 public:
  PrefixIndex();
  ~PrefixIndex();

  /// Keeps the end of a match, and so all of it, from eviction. Must not outlive the index.
  class Lease {
   public:
    Lease() = default;
    explicit Lease(Node* node);
    Lease(Lease&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();

   private:
    Node* node_ = nullptr;
  };

  /// The first `length` tokens lead through the snapshot's node, or end at it.
  struct Candidate {
    SnapshotId id;
    int length;
    bool branches = false;  // more than one prefix goes on from the node
    bool operator==(const Candidate&) const = default;
  };

  struct Match {
    std::vector<Candidate> candidates;  // the longest first; its length is the match's
    Lease lease;

    int length() const { return candidates.empty() ? 0 : candidates.front().length; }
  };

  /// The longest common prefix of `tokens` and of what is kept, and the shorter ones on the way.
  Match find(const std::string& salt, std::span<const Token> tokens);

  /// A node was cut in two: `upper` ends the prefix of `length` tokens and is new, `lower` goes on
  /// from there.
  struct Cut {
    SnapshotId upper, lower;
    int length;
    bool operator==(const Cut&) const = default;
  };

  struct Place {
    SnapshotId id;  // of the node that ends after `tokens`
    std::optional<Cut> cut;
  };

  /// Makes a place for a snapshot after `tokens`, at least one.
  Place insert(const std::string& salt, std::span<const Token> tokens);

  /// Forgets the end of the prefix that was used longest ago; nothing if leases keep all.
  std::optional<SnapshotId> evict();

  /// Nodes, over all salts.
  size_t size() const { return nodes_.size(); }

 private:
  Node* add(Node& parent, std::span<const Token> tokens);
  Node* split(Node& node, int count);

  std::list<Node> nodes_;              // all but the roots
  std::map<std::string, Node> roots_;  // by salt; each has children
  uint64_t uses_ = 0;
  SnapshotId last_id_ = 0;
};

}  // namespace mlxd
