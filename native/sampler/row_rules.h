// What one row asks for, in the terms of the rules. Plain C++. Engine thread only, but for what
// says otherwise.
#pragma once

#include "sampler/sampler.h"
#include "sampler/uniform.h"

namespace mlxd {

// Below this the division by the temperature could overflow, and the best token has all the weight
// anyway.
constexpr float kGreedyBelow = 1e-6f;

inline bool is_greedy(const SamplerRow& row) { return row.params.temperature < kGreedyBelow; }

/// The random number of the row's token.
inline float token_uniform(const SamplerRow& row) { return uniform(row.params.seed, row.position); }

/// Whether XTC applies to this token: a second random number, independent of the first.
inline bool excludes_top(const SamplerRow& row) {
  if (row.params.xtc_probability <= 0) return false;
  return uniform(mix64(row.params.seed), row.position) < row.params.xtc_probability;
}

/// Adds the row's biases to logits [V], then its penalties. Any thread.
void change_logits(const SamplerRow& row, std::optional<Token> in_flight, float* logits);

/// Leaves only the tokens of `allowed` in logits [vocab]; those beyond it go too. Any thread.
void forbid_others(const TokenMask& allowed, float* logits, int vocab);

}  // namespace mlxd
