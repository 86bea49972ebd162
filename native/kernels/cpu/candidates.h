// The tokens of a row that rules of sampling have left in, side by side.
#pragma once

#include <vector>

#include "kernels/cpu/isa.h"

namespace mlxd::kernels::cpu {

/// Floats that add up: weights of a run of logits, with their running sums.
struct Weights {
  std::vector<float> each;
  std::vector<double> ends;  // sums up to the end of each block

  /// e^((x - shift) * scale) of all `count`; x <= shift, scale > 0. Returns the sum.
  double weigh(const float* x, int count, float shift, float scale, Isa isa);

  /// The sum of those that are `least` and more.
  double sum_above(float least, Isa isa) const;

  /// The index at which the running sum passes `share` (in [0, 1)) of the whole.
  int find(float share) const;
};

class Candidates {
 public:
  /// Takes the tokens of logits [vocab] at or above `floor`.
  void gather(const float* logits, int vocab, float floor);

  /// Keeps the most probable ones that reach `mass`, of which e^(logit - shift) is each one's part.
  void keep_mass(double mass, float shift, Isa isa);

  /// Keeps those whose surprise is nearest to the expected one, up to the share `typical_p`.
  void keep_typical(float typical_p, Isa isa);

  /// Leaves out those of probability `threshold` and more, but for the least of these.
  void exclude_top(float threshold, Isa isa);

  int size() const { return size_; }
  int id(int place) const { return ids_[place]; }
  const float* logits() const { return logits_.data(); }

 private:
  void keep_keys(float limit);

  int size_ = 0;
  std::vector<int> ids_;  // these three have room for the whole vocabulary
  std::vector<float> logits_;
  std::vector<float> keys_;
  Weights weights_;
};

}  // namespace mlxd::kernels::cpu
