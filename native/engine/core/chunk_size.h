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

  /// The same for a prompt that has `left` tokens and no company: one chunk that is a quarter
  /// longer rather than a last one that reads all weights for a few tokens.
  int tokens_alone(int left) const;

  /// What a step computes of a prompt at the least, however slow that is.
  int least() const;

  /// A step filled with `tokens` prompt tokens took `seconds`, with others in it if `shared`: what
  /// those cost is no measure of a prompt alone.
  void observe(int tokens, double seconds, bool shared);

 private:
  int most_;
  double seconds_per_token_[2] = {};  // alone and shared; 0: nothing observed yet
};

}  // namespace mlxd
