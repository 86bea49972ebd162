// A norm as our primitives hold it. Its weight and bias are inputs of theirs, one after the other.
#pragma once

#include <vector>

#include "kernels/cpu/norm.h"
#include "kernels/cpu/prepared_input.h"
#include "kernels/norm.h"

namespace mlxd::kernels {

struct CpuNorm {
  float eps;
  bool centred, has_bias;

  explicit CpuNorm(const NormLayer& layer)
      : eps(layer.eps), centred(layer.centred), has_bias(layer.bias != nullptr) {}

  bool operator==(const CpuNorm&) const = default;

  /// As kernels take it; `from` is the first of the inputs that belong to it.
  cpu::Norm with(const cpu::Rows* from) const {
    return {from[0].data, eps, centred, has_bias ? from[1].data : nullptr};
  }

  /// The inputs that belong to the norm.
  static std::vector<mx::array> inputs(const NormLayer& layer) {
    std::vector<mx::array> arrays{mx::astype(layer.weight, mx::float32)};
    if (layer.bias) arrays.push_back(mx::astype(*layer.bias, mx::float32));
    return arrays;
  }
};

}  // namespace mlxd::kernels
