// How many prompt tokens a step computes: as many as fit the time that others may be kept waiting.
// Knows durations, not clocks. Engine thread only.
#pragma once

namespace mlxd {

/// Learns what a prompt token costs from the steps that were filled, and so follows the model, the
/// machine, and attention that grows with the prompt.
class ChunkSize {
 public:
  /// `most`: tokens of one chunk, however fast they are; at least 1.
  explicit ChunkSize(int most) : most_(most) {}

  /// Prompt tokens for the next step. `shared`: other sequences wait for the end of that step.
  int tokens(bool shared) const;

  /// What a step computes of a prompt at the least, however slow that is.
  int least() const;

  /// A step filled with `tokens` prompt tokens took `seconds`.
  void observe(int tokens, double seconds);

 private:
  int most_;
  double seconds_per_token_ = 0;  // 0: nothing observed yet
};

}  // namespace mlxd
