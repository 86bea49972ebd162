// The mixtures of experts of Qwen's line.
#pragma once

#include <memory>
#include <optional>

#include "models/feed_forward.h"

namespace mlxd {

/// Whether `decoder_sparse_step` and `mlp_only_layers` give the layer experts.
bool has_experts(const Config& c, int layer);

/// Takes `mlp` of the layer's weights. If `shared` with an expert that all tokens go through, by a
/// gate of its own.
std::unique_ptr<FeedForward> qwen_mixture(const Config& c, const nn::Weights& layer, nn::Norm norm,
                                          bool shared);

}  // namespace mlxd
