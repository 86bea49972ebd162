// Sampling as one operation on a CPU. Engine thread only.
#pragma once

#include "sampler/sampler.h"

namespace mlxd {

/// Whether sample_on_cpu takes these logits [B, V].
bool can_sample_on_cpu(const mx::array& logits);

/// As sample().
Samples sample_on_cpu(const mx::array& logits, const std::vector<SamplerRow>& rows,
                      const std::optional<mx::array>& previous);

/// As score_known().
Scores score_on_cpu(const mx::array& logits, const std::vector<Token>& tokens, int best);

}  // namespace mlxd
