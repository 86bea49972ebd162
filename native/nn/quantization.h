// How a checkpoint says its weights are quantized: plain data, no tensors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/quantization_scheme.h"

namespace mlxd::nn {

using kernels::QuantizationMode;
using kernels::QuantizationScheme;

/// The scheme of a whole checkpoint. `overrides` is keyed by module path
/// ("model.layers.0.mlp.down_proj"); no scheme there means that the module is kept dense.
struct Quantization {
  using Overrides = std::map<std::string, std::optional<QuantizationScheme>, std::less<>>;

  QuantizationScheme standard;
  Overrides overrides;
};

/// The scheme of the module at `path`; none if it is kept dense.
inline std::optional<QuantizationScheme> scheme_of(const Quantization& q, std::string_view path) {
  const auto found = q.overrides.find(path);
  return found != q.overrides.end() ? found->second : q.standard;
}

}  // namespace mlxd::nn
