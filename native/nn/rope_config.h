// The rotary position embedding that a config asks for: plain data, no tensors.
#pragma once

#include <optional>
#include <variant>

namespace mlxd::nn {

/// Positions are divided by `factor`.
struct LinearRopeScaling {
  float factor;
};

/// Llama 3.1's: wavelengths above `original_context / low_freq_factor` are stretched by `factor`,
/// those below `original_context / high_freq_factor` kept, those between interpolated.
struct Llama3RopeScaling {
  float factor;
  float low_freq_factor;
  float high_freq_factor;
  int original_context;
};

struct RopeConfig {
  float theta = 10000.0f;
  std::optional<float> rotated;  // the part of a head's columns that is, where the config says one
  bool traditional = false;  // rotates neighbours (2i, 2i + 1) instead of halves (i, i + dims / 2)
  std::variant<std::monostate, LinearRopeScaling, Llama3RopeScaling> scaling;
};

}  // namespace mlxd::nn
