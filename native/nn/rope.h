// Rotary position embedding (Su et al., 2021) with the scalings of RopeConfig.
#pragma once

#include "kernels/attention.h"
#include "nn/rope_config.h"

namespace mlxd::nn {
namespace mx = mlx::core;

class Rope {
 public:
  /// For heads of `head_dim` columns. Throws std::runtime_error if an odd number of them is to be
  /// rotated.
  Rope(const RopeConfig& config, int head_dim);

  /// Rotates nothing: for layers without positions.
  static Rope none() { return Rope(kernels::Rope(0, false, 1, 1, {})); }

  /// x [1, heads, L, head_dim], whose first token is at position `offset` -> the same shape.
  mx::array operator()(const mx::array& x, int offset) const { return rope_(x, offset); }

  const kernels::Rope& kernel() const { return rope_; }

 private:
  explicit Rope(kernels::Rope rope) : rope_(std::move(rope)) {}

  kernels::Rope rope_;
};

}  // namespace mlxd::nn
