// Which layers slide, by how much: the rules that families share.
#pragma once

#include <optional>

#include "loader/config.h"

namespace mlxd {

/// The window of a layer that `layer_types` names sliding; nothing for others, and without the
/// list. Throws when such a layer has no `sliding_window`.
std::optional<int> listed_window(const Config& c, int layer);

/// The same; without the list all layers slide, if there is a window.
std::optional<int> mistral_window(const Config& c, int layer);

/// The same; without the list all layers slide but every `pattern`th, if there is a window.
std::optional<int> patterned_window(const Config& c, int layer, int pattern);

/// Phi's rule: every layer slides where the config has a window below the context's length.
std::optional<int> window_within_context(const Config& c);

/// Qwen's rule: no layer slides unless `use_sliding_window`; then those of `layer_types`, or
/// without that list all from `max_window_layers` on.
std::optional<int> qwen_window(const Config& c, int layer);

}  // namespace mlxd
