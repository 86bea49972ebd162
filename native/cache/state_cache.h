// The cache of a recurrence: its state after the last tokens. Engine thread only.
#pragma once

#include <deque>
#include <optional>

#include "cache/sequence_cache.h"
#include "kernels/recurrence.h"

namespace mlxd {

/// A state cannot be taken back to fewer tokens. Those where the last few steps ended, and before
/// the last token of each, are kept: there engines take prefixes, a step late. A prefix that ends
/// at one of them can be had; others are refused, never guessed.
class StateCache : public LayerCache {
 public:
  /// `bytes`: of one state.
  explicit StateCache(size_t bytes) : state_bytes_(bytes) {}

  /// The state after all positions; nothing before the first.
  std::optional<mx::array> last() const;

  /// Goes on by `count` positions to these states.
  void advance(int count, const kernels::RecurrentStates& states);

  int length() const override { return length_; }
  std::vector<mx::array> state() const override;
  bool has_prefix(int positions) const override;
  std::unique_ptr<LayerCache> prefix(int positions) const override;
  size_t bytes() const override { return kept_.size() * state_bytes_; }
  size_t bytes_beyond(const LayerCache& other) const override;
  size_t bytes_for(int positions) const override;

 private:
  struct Kept {
    int step;       // counted from the first
    int positions;  // that the state has seen
    mx::array state;
  };

  const Kept* find(int positions) const;

  size_t state_bytes_;
  std::deque<Kept> kept_;  // the newest last
  int steps_ = 0;
  int length_ = 0;
};

}  // namespace mlxd
