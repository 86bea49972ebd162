// The sampling rules, one small function each, over rows of logits or probabilities. They hold no
// state. Engine thread only.
#pragma once

#include <vector>

#include "mlx/mlx.h"

namespace mlxd {
namespace mx = mlx::core;

/// Logits [R, V] divided by each row's temperature (> 0).
mx::array temper(const mx::array& logits, const std::vector<float>& temperatures);

// A rule that leaves candidates out says which by a floor [R, 1]: the probability that a token must
// reach to stay. Tokens of equal probability at the edge all stay, and the best token always does.

/// min_p: a token stays if it is at least `min_p` times as probable as the best one.
/// Source: Nguyen et al., "Turning up the heat: min-p sampling", arXiv 2407.01082.
mx::array min_p_floor(const mx::array& probabilities, const std::vector<float>& min_p);

/// top_k: the `top_k` (1 .. N) most probable tokens stay. `best` [R, N] holds the most probable
/// ones, descending.
mx::array top_k_floor(const mx::array& best, const std::vector<int>& top_k);

/// top_p: the fewest most probable tokens whose probabilities sum to `top_p` stay, the one that
/// reaches the sum included. `best` as for top_k; if its N tokens do not sum to `top_p`, all of
/// them stay. Source: Holtzman et al., "The curious case of neural text degeneration", arXiv
/// 1904.09751.
mx::array top_p_floor(const mx::array& best, const std::vector<float>& top_p);

/// typical_p: of `kept` [R, V] (probabilities, 0 for tokens left out, not all of them) the tokens
/// stay, as booleans [R, V], whose surprise is nearest to the expected one, up to the share
/// `typical_p`. Source: Meister et al., "Locally typical sampling", arXiv 2202.00666.
mx::array typical_tokens(const mx::array& kept, const std::vector<float>& typical_p);

/// XTC: of `kept` [R, V] all but the least probable of those stay, as booleans [R, V], that have
/// the share `threshold` or more of the whole. Source: the rule's author,
/// github.com/oobabooga/text-generation-webui/pull/6335.
mx::array xtc_tokens(const mx::array& kept, const std::vector<float>& threshold);

/// How penalties see the tokens of some rows.
struct Counts {
  mx::array recent;     // [R, V] float32, times in the window of the repetition penalty
  mx::array generated;  // [R, V] float32, times in the completion
};

struct Penalties {
  std::vector<float> repetition, presence, frequency;  // of each row
};

/// Logits [R, V] float32 with penalties. Repetition divides positive logits and multiplies negative
/// ones (Keskar et al., "CTRL", arXiv 1909.05858); the others are subtracted, as OpenAI defines
/// them.
mx::array penalize(const mx::array& logits, const Counts& counts, const Penalties& penalties);

/// Logits [R, V] float32, -inf for tokens whose bit is not set in `words` [R, W] uint32: 32 tokens
/// a word, the lowest bit first. Tokens beyond 32 W go too.
mx::array only_allowed(const mx::array& logits, const mx::array& words);

struct Scored {
  mx::array tokens;    // [R, 1 + N] int32
  mx::array logprobs;  // [R, 1 + N] float32
};

/// The logarithms of softmax(logits [R, V]) at `tokens` [R] int32 and, after them, at the N best
/// tokens, descending.
Scored score(const mx::array& logits, const mx::array& tokens, int n);

/// Indices [R] int32 drawn from rows of weights [R, V] (>= 0, at least one > 0) by inverting their
/// cumulative sum at `uniforms` in [0, 1). A weight of 0 is never drawn.
mx::array draw(const mx::array& weights, const std::vector<float>& uniforms);

}  // namespace mlxd
