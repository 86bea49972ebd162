// From logits to tokens, each row of a batch by its own parameters. Builds a graph, evaluates
// nothing. Engine thread only.
#pragma once

#include <cstdint>
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

/// Token ids [B] int32 of logits [B, V], row b by `rows[b]`.
///
/// Greedy rows (temperature 0) cost an argmax. For the others top_p, min_p and top_k leave
/// candidates out by their probabilities at temperature 1, and the temperature then shapes what is
/// left: the order of mlx-lm's make_sampler (mlx_lm/sample_utils.py). A rule's work is done for the
/// rows that ask for it only. What a row draws depends on its logits, parameters and position
/// alone, not on the other rows.
///
/// Unlike mlx-lm, top_p 0 keeps the best token only (there it is off).
mx::array sample(const mx::array& logits, const std::vector<SamplerRow>& rows);

}  // namespace mlxd
