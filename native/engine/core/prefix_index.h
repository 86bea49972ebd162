// Which prefixes of earlier sequences are kept, as a radix trie over tokens. It knows where keys
// and values are (runs, by number), never holds them. Engine thread only.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/core/types.h"

namespace mlxd {

/// Of a run: the keys and values of consecutive positions of one sequence, kept by who owns the
/// index.
using RunId = uint64_t;

/// Positions [begin, end) of a prefix, out of `run`.
struct RunSlice {
  RunId run;
  int begin, end;
  bool operator==(const RunSlice&) const = default;
};

/// A run that is offered: it holds positions [begin, end). Layers with a sliding window may have
/// forgotten the first of them: they hold [windows_from, end), windows_from >= begin.
struct NewRun {
  RunId id;
  int begin, end;
  int windows_from;
};

/// Nodes own consecutive tokens and refer to a slice of a run; two nodes may share a run, so that a
/// split copies nothing. Salts are apart: a prefix of one is never found under another.
///
/// A prefix of n tokens can be reused if layers with a window still hold what the next token would
/// see: positions [n - reach, n). Where they do not, a match is cut back to the longest prefix for
/// which they do.
class PrefixIndex {
  struct Node;

 public:
  /// `reach`: how many positions before a token its longest sliding window shows; 0 without
  /// windows.
  explicit PrefixIndex(int reach);
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

  struct Match {
    int length = 0;                // tokens of the prefix
    std::vector<RunSlice> slices;  // [0, length) without a gap
    Lease lease;
  };

  /// The longest reusable prefix of `tokens`.
  Match find(const std::string& salt, std::span<const Token> tokens);

  /// Adds the end of `tokens` (as many as run.end), which `run` holds. False if the run is of no
  /// use: all of it is there already, or what comes before run.begin is not.
  bool insert(const std::string& salt, std::span<const Token> tokens, const NewRun& run);

  /// Forgets the end of the prefix that was used longest ago. False if there is none that no lease
  /// keeps.
  bool evict();

  /// Runs that are referred to no more, since the last call.
  std::vector<RunId> take_unused() { return std::exchange(unused_, {}); }

  /// Nodes, over all salts.
  size_t size() const { return nodes_.size(); }

 private:
  void cut_to_windows(Match& match, const std::vector<const Node*>& path) const;
  void add(Node& parent, int begin, std::span<const Token> tokens, const NewRun& run);
  Node* split(Node& node, int position);
  static bool fills_hole(const Node& node, const NewRun& run);
  Node* refill(Node& node, const NewRun& run);
  void drop(RunId run);

  const int reach_;
  std::list<Node> nodes_;              // all but the roots
  std::map<std::string, Node> roots_;  // by salt; each has children
  std::unordered_map<RunId, int> references_;
  std::vector<RunId> unused_;
  uint64_t uses_ = 0;
};

}  // namespace mlxd
