// Which tensors of a model that also sees or hears are those of its language model. No MLX here.
#pragma once

#include <optional>
#include <string>

namespace mlxd {

/// The name that a tensor or a module of such a checkpoint has in its language model alone; nothing
/// for those of other parts. Knows the layouts that mlx-lm's `sanitize` functions do:
/// language_model.model.X, model.language_model.X, and plain names.
std::optional<std::string> language_name(const std::string& name);

}  // namespace mlxd
