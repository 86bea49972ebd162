// From logits to tokens, each row of a batch by its own parameters. Builds a graph, evaluates
// nothing. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/core/types.h"
#include "mlx/mlx.h"

namespace mlxd {
namespace mx = mlx::core;

/// Words of 32 tokens, the lowest bit first: set for those that may be sampled.
using TokenMask = std::vector<uint32_t>;

struct SamplerRow {
  SamplingParams params;
  uint64_t position;  // of the sampled token in its sequence: with the seed it fixes the row's
                      // random number
  std::vector<SeenToken> seen = {};  // what penalties count
  int in_flight = -1;                // row of the step before whose token they count too; -1: none
  std::shared_ptr<const TokenMask> allowed = {};  // no other token is sampled; null: all may be

  bool changes_logits() const { return params.penalizes() || !params.logit_bias.empty(); }
};

/// Log-probabilities of the rows that asked. N is the most alternatives that any of them wants;
/// which it takes are the first ones.
struct Scores {
  std::vector<int> rows;    // R of the batch, ascending
  std::vector<int> wanted;  // alternatives of each
  mx::array tokens;         // [R, 1 + N] int32: the sampled token, then the best, descending
  mx::array logprobs;       // [R, 1 + N] float32
};

struct Samples {
  mx::array tokens;  // [B] int32
  std::optional<Scores> scores;

  /// All of it, to be evaluated together.
  std::vector<mx::array> arrays() const;
};

/// One token a row of logits [B, V], row b by `rows[b]`.
///
/// Rules and their order are those of docs/decisions/0004-sampling.md. A rule's work is done for
/// the rows that ask for it only; greedy rows (temperature 0) cost an argmax. What a row draws
/// depends on its logits, parameters, history and position alone, not on the other rows.
///
/// `previous` [P] int32 are the tokens of the step before, still being computed; needed where a row
/// has its last token in flight. With our own CPU kernels this is one operation, else a composition
/// of MLX's; both give the same tokens but for ties within rounding.
Samples sample(const mx::array& logits, const std::vector<SamplerRow>& rows,
               const std::optional<mx::array>& previous = std::nullopt);

/// Scores of tokens that are known, as sample() gives them: row b of logits [B, V] those of
/// `tokens[b]` and of the `best` most probable ones.
Scores score_known(const mx::array& logits, const std::vector<Token>& tokens, int best);

/// Evaluated samples as plain data, one entry a row.
std::vector<Sampled> read(const Samples& samples);

/// Evaluated scores, one entry a scored row: the token's own, then the best.
std::vector<std::vector<ScoredToken>> read(const Scores& scores);

}  // namespace mlxd
