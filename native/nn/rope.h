// Rotary position embedding (Su et al., 2021) with the scalings of RopeConfig.
#pragma once

#include <optional>

#include "mlx/mlx.h"
#include "nn/rope_config.h"

namespace mlxd::nn {
namespace mx = mlx::core;

class Rope {
 public:
  /// `dims`: the size of a head; all of it is rotated.
  Rope(const RopeConfig& config, int dims);

  /// x [1, heads, L, dims], whose first token is at position `offset` -> the same shape.
  mx::array operator()(const mx::array& x, int offset) const;

 private:
  int dims_;
  bool traditional_;
  float theta_;
  float scale_ = 1.0f;                // of positions
  std::optional<mx::array> periods_;  // [dims / 2] positions a radian, in place of theta's powers
};

}  // namespace mlxd::nn
