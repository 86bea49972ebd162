// The rotary position embedding that a config asks for: plain data, no tensors.
#pragma once

#include <optional>
#include <variant>
#include <vector>

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

/// LongRoPE's (Ding et al., 2024; Phi-3): the period of each pair of columns is stretched by a
/// factor of its own.
struct LongRopeScaling {
  std::vector<float> factors;
  float magnitude;  // that the rotated columns are multiplied by
};

/// YaRN's (Peng et al., 2023): pairs that turn more often than `beta_fast` times over the original
/// context are kept, those below `beta_slow` stretched by `factor`, those between interpolated.
struct YarnRopeScaling {
  float factor;
  int original_context;
  float beta_fast, beta_slow;
  bool whole_pairs;  // the two limits are moved outwards to whole pairs
  float magnitude;   // as of LongRopeScaling
};

struct RopeConfig {
  float theta = 10000.0f;
  std::optional<float> rotated;  // the part of a head's columns that is, where the config says one
  bool traditional = false;  // rotates neighbours (2i, 2i + 1) instead of halves (i, i + dims / 2)
  std::variant<std::monostate, LinearRopeScaling, Llama3RopeScaling, LongRopeScaling,
               YarnRopeScaling>
      scaling;
};

}  // namespace mlxd::nn
