// DeepSeek's mixture of experts, which others have too: experts in groups, and some that every
// token goes through.
#pragma once

#include <memory>

#include "models/feed_forward.h"

namespace mlxd {

/// What the config says of a router of sigmoids with a correction: DeepSeek V3's, GLM-4's. Throws
/// where experts are not in equal groups of two and more.
nn::RouterOptions corrected_router(const Fields& fields);

/// Takes `mlp` and `post_attention_layernorm` of the layer's weights.
std::unique_ptr<FeedForward> grouped_mixture(const Config& c, const nn::Weights& layer,
                                             const nn::RouterOptions& options);

}  // namespace mlxd
