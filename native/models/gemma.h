// What Gemmas share: norms that multiply with 1 + weight, which later ones have before and after
// each half of a block, and embeddings that are scaled up.
#pragma once

#include "models/block.h"
#include "models/decoder.h"

namespace mlxd {

/// The norm of `w`, of `width` columns.
nn::RmsNorm gemma_norm(const Config& c, const nn::Weights& w, int width);

BlockNorms gemma_norms(const Config& c, const nn::Weights& layer);

/// Scores are divided by the root of `query_pre_attn_scalar`.
nn::AttentionShape gemma_attention(const Config& c, std::optional<int> window);

DecoderEnds gemma_ends(const Config& c, const nn::Weights& w);

}  // namespace mlxd
