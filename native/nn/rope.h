// Rotary position embedding (Su et al., 2021) with the scalings of RopeConfig.
#pragma once

#include "kernels/attention.h"
#include "nn/rope_config.h"

namespace mlxd::nn {
namespace mx = mlx::core;

class Rope {
 public:
  /// `dims`: the size of a head; all of it is rotated.
  Rope(const RopeConfig& config, int dims);

  /// x [1, heads, L, dims], whose first token is at position `offset` -> the same shape.
  mx::array operator()(const mx::array& x, int offset) const { return rope_(x, offset); }

  const kernels::Rope& kernel() const { return rope_; }

 private:
  kernels::Rope rope_;
};

}  // namespace mlxd::nn
