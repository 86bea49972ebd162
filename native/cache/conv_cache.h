// The cache of a short convolution: its last inputs. Engine thread only.
#pragma once

#include <deque>

#include "cache/sequence_cache.h"

namespace mlxd {

/// A convolution over `taps` positions needs the inputs of the taps - 1 before. Those of the last
/// few steps are kept whole, since engines take prefixes a step late. A prefix that ends in one of
/// these steps can be had; others are refused, never guessed.
class ConvCache : public LayerCache {
 public:
  /// `taps` of at least 2; `type` of the inputs.
  ConvCache(int taps, int channels, mx::Dtype type);

  /// Appends `inputs` [L, channels]. Returns them behind the taps - 1 inputs before, which are
  /// zeros where there are none: [taps - 1 + L, channels].
  mx::array append(const mx::array& inputs);

  int length() const override { return length_; }
  std::vector<mx::array> state() const override;
  bool has_prefix(int positions) const override;
  std::unique_ptr<LayerCache> prefix(int positions) const override;
  size_t bytes() const override;
  size_t bytes_beyond(const LayerCache& other) const override;
  size_t bytes_for(int positions) const override;

 private:
  /// What one append returned: of positions from `begin` on, and those before them.
  struct Step {
    int begin;
    mx::array inputs;
  };

  /// The step after whose inputs, or among them, `positions` end; null if it is gone.
  const Step* step_of(int positions) const;
  /// The taps - 1 inputs before position `positions`, one of `step`.
  mx::array before(const Step& step, int positions) const;

  int taps_, channels_;
  mx::Dtype type_;
  std::deque<Step> steps_;  // the newest last
  int length_ = 0;
};

}  // namespace mlxd
