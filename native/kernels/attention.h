// Rotary embedding and attention of one sequence by MLX's own operations: what a GPU runs. For a
// CPU see cached_attention.h. Engine thread only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernels/cpu/rope.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

class Rope {
 public:
  /// `dims`: how many columns of a head are rotated, the first ones; even, and 0 rotates none.
  /// Positions are multiplied by `scale`, and the rotated columns by `magnitude`.
  /// `periods` [dims / 2], in positions a radian, stand in place of the powers of `theta`.
  /// `traditional`: pairs are neighbours, else a column and the one dims / 2 on.
  Rope(int dims, bool traditional, float theta, float scale,
       const std::optional<std::vector<float>>& periods, float magnitude = 1);

  /// x [1, heads, L, width] of a float type, whose first token is at position `offset` -> the same
  /// shape and type.
  mx::array operator()(const mx::array& x, int offset) const;

  int dims() const { return dims_; }

  /// What our CPU kernels rotate with, one thread at a time.
  const std::shared_ptr<cpu::Rope>& table() const { return table_; }

 private:
  int dims_;
  bool traditional_;
  float theta_;
  float scale_;
  float magnitude_;
  std::optional<mx::array> periods_;
  std::shared_ptr<cpu::Rope> table_;
};

struct AttentionOptions {
  float scale;                     // of scores
  std::optional<int> window = {};  // how many positions a token sees, itself included; all without
  std::optional<float> cap = {};   // scores become cap * tanh(score / cap)
  std::optional<mx::array> sinks = {};  // [heads], logits that join each softmax without a value
};

/// Causal softmax(scale * q k^T) v. q [1, heads, L, dim] are the last L of S positions, keys and
/// values [1, kv_heads, S, dim]. Returns [L, heads * dim] of q's type. Throws std::invalid_argument
/// where shapes do not fit.
mx::array attention(const mx::array& q, const mx::array& keys, const mx::array& values,
                    const AttentionOptions& options);

}  // namespace mlxd::kernels
