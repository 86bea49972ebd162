// From logits to tokens, each row of a batch by its own parameters. Builds a graph, evaluates
// nothing. Engine thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/core/types.h"
#include "mlx/mlx.h"

namespace mlxd {
namespace mx = mlx::core;

struct SamplerRow {
  SamplingParams params;
  uint64_t position;  // of the sampled token in its sequence: with the seed it fixes the row's
                      // random number
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
/// Greedy rows (temperature 0) cost an argmax. For the others top_p, min_p and top_k leave
/// candidates out by their probabilities at temperature 1, and the temperature then shapes what is
/// left: the order of mlx-lm's make_sampler (mlx_lm/sample_utils.py). A rule's work is done for the
/// rows that ask for it only. What a row draws depends on its logits, parameters and position
/// alone, not on the other rows.
///
/// Unlike mlx-lm, top_p 0 keeps the best token only (there it is off).
Samples sample(const mx::array& logits, const std::vector<SamplerRow>& rows);

/// Evaluated samples as plain data, one entry a row.
std::vector<Sampled> read(const Samples& samples);

}  // namespace mlxd
