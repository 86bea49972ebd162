// How a checkpoint says its weights are quantized: plain data, no tensors.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace mlxd::nn {

/// MLX affine quantization: each group of `group_size` weights of a row has a scale and a bias,
/// `w = scale * q + bias` with `q` of `bits` bits.
struct QuantizationScheme {
  int group_size;
  int bits;
  bool operator==(const QuantizationScheme&) const = default;
};

/// The scheme of a whole checkpoint. `overrides` is keyed by module path
/// ("model.layers.0.mlp.down_proj"); no scheme there means that the module is kept dense.
struct Quantization {
  QuantizationScheme standard;
  std::map<std::string, std::optional<QuantizationScheme>, std::less<>> overrides;
};

}  // namespace mlxd::nn
