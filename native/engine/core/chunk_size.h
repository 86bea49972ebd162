// How many prompt tokens a step computes: as many as fit the time that others may be kept waiting.
// Knows durations, not clocks. Engine thread only.
#pragma once

#include <cstdint>

namespace mlxd {

/// What a step computes of prompts. What a token costs is learnt of each apart.
enum class Chunk : uint8_t {
  alone,   // of one prompt, nobody beside it
  shared,  // of the oldest prompt, others beside it
  whole,   // short prompts, whole, while the oldest is held back
};

/// Learns what a prompt token costs from the steps that were filled, and so follows the model, the
/// machine, and attention that grows with the prompt.
class ChunkSize {
 public:
  /// `most`: tokens of one chunk, however fast they are; at least 1.
  explicit ChunkSize(int most) : most_(most) {}

  /// Prompt tokens for a step.
  int tokens(Chunk chunk) const;

  /// The same for a prompt that has `left` tokens and no company: one chunk that is a quarter
  /// longer rather than a last one that reads all weights for a few tokens.
  int tokens_alone(int left) const;

  /// What a step computes of a prompt at the least, however slow that is.
  int least() const;

  /// A step with `tokens` prompt tokens, enough to show what one costs, took `seconds`.
  void observe(Chunk chunk, int tokens, double seconds);

 private:
  int most_;
  double seconds_per_token_[3] = {};  // of each Chunk; 0: nothing observed yet
};

}  // namespace mlxd
