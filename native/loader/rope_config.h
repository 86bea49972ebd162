// The rotary position embedding that config.json asks for. Any thread.
#pragma once

#include "loader/fields.h"
#include "nn/rope_config.h"

namespace mlxd {

/// Above any real model's context: it keeps later arithmetic from overflowing.
inline constexpr int kMostPositions = 1 << 30;

/// Reads rope_theta, rope_scaling and partial_rotary_factor of `config`, or rope_parameters, where
/// newer configs put them together. Throws what Fields throws, for a scaling of unknown type too.
nn::RopeConfig read_rope(const Fields& config);

}  // namespace mlxd
