// The quantization that a config.json describes.
#pragma once

#include <optional>

#include "loader/fields.h"
#include "nn/quantization.h"

namespace mlxd {

/// Reads `quantization` (or its older name `quantization_config`) of a config.json; nothing when
/// there is neither. Throws for a mode that MLX does not have, and for another tool's format,
/// by its name.
std::optional<nn::Quantization> read_quantization(const Fields& config);

}  // namespace mlxd
