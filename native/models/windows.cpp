// See windows.h.
#include "models/windows.h"

#include <stdexcept>

namespace mlxd {

std::optional<int> listed_window(const Config& c, int layer) {
  if (c.layer_types.empty() || c.layer_types[layer] != LayerType::sliding_attention) {
    return std::nullopt;
  }
  if (!c.sliding_window) {
    throw std::runtime_error(
        "config.json: layer_types has sliding layers, sliding_window is missing");
  }
  return c.sliding_window;
}

std::optional<int> mistral_window(const Config& c, int layer) {
  return c.layer_types.empty() ? c.sliding_window : listed_window(c, layer);
}

std::optional<int> patterned_window(const Config& c, int layer, int pattern) {
  if (!c.layer_types.empty()) return listed_window(c, layer);
  return (layer + 1) % pattern == 0 ? std::nullopt : c.sliding_window;
}

std::optional<int> window_within_context(const Config& c) {
  if (!c.sliding_window || *c.sliding_window >= c.max_position_embeddings) return std::nullopt;
  return c.sliding_window;
}

std::optional<int> qwen_window(const Config& c, int layer) {
  if (!c.use_sliding_window) return std::nullopt;
  if (!c.layer_types.empty()) return listed_window(c, layer);
  return layer >= c.max_window_layers ? c.sliding_window : std::nullopt;
}

}  // namespace mlxd
