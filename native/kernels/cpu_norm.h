// A norm as our primitives hold it. Its weight and bias are inputs of theirs, one after the other.
#pragma once

#include <vector>

#include "kernels/cpu/norm.h"
#include "kernels/cpu_rows.h"
#include "kernels/norm.h"

namespace mlxd::kernels {

struct CpuNorm {
  float eps;
  bool centred, has_bias;

  explicit CpuNorm(const NormLayer& layer)
      : eps(layer.eps), centred(layer.centred), has_bias(layer.bias != nullptr) {}

  bool operator==(const CpuNorm&) const = default;

  /// The inputs that belong to the norm.
  static std::vector<mx::array> inputs(const NormLayer& layer) {
    std::vector<mx::array> arrays{mx::astype(layer.weight, mx::float32)};
    if (layer.bias) arrays.push_back(mx::astype(*layer.bias, mx::float32));
    return arrays;
  }
};

/// The norm as kernels take it, while `from`, the first of those inputs, lives; copied where
/// weights do not lie as kernels want them.
class CpuNormView {
 public:
  CpuNormView(const CpuNorm& norm, const mx::array* from)
      : norm_{gather_vector(from[0], weight_copy_), norm.eps, norm.centred,
              norm.has_bias ? gather_vector(from[1], bias_copy_) : nullptr} {}

  CpuNormView(const CpuNormView&) = delete;
  CpuNormView& operator=(const CpuNormView&) = delete;

  const cpu::Norm& operator*() const { return norm_; }

 private:
  std::vector<float> weight_copy_, bias_copy_;
  cpu::Norm norm_;
};

}  // namespace mlxd::kernels
