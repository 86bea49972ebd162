// The block of the Llama line of models: norm, attention, residual; norm, MLP, residual.
#pragma once

#include "models/block.h"

namespace mlxd {

struct PreNormBlock : Block {
  /// With a gated MLP.
  PreNormBlock(const Config& c, const nn::Weights& w, nn::Attention attend, BlockBiases biases)
      : Block(c, w, std::move(attend), {pre_norms(c, w), biases}) {}

  /// With another second half; `biases.mlp` is of no account.
  PreNormBlock(const Config& c, const nn::Weights& w, nn::Attention attend, BlockBiases biases,
               std::unique_ptr<FeedForward> second_half)
      : Block(c, w, std::move(attend),
              {{.before_attention = nn::RmsNorm(w / "input_layernorm", c.hidden_size, c.norm_eps)},
               biases},
              std::move(second_half)) {}
};

}  // namespace mlxd
