// Rotary embedding and attention, of one sequence at a time. The one place that says which kernel
// is used when:
//   on a GPU                                   mx::fast
//   on a CPU, heads of a multiple of 16        ours (cpu/), in float32
//   on a CPU, heads of any other size, or if   mx::fast, slow
//   settings.h says so
// Engine thread only.
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
  /// `dims`: the size of a head, even; all of it is rotated. Positions are multiplied by `scale`.
  /// `periods` [dims / 2], in positions a radian, stand in place of the powers of `theta`.
  /// `traditional`: pairs are neighbours, else a column and the one dims / 2 on.
  Rope(int dims, bool traditional, float theta, float scale,
       const std::optional<std::vector<float>>& periods);

  /// x [1, heads, L, dims] of a float type, whose first token is at position `offset` -> the same
  /// shape and type.
  mx::array operator()(const mx::array& x, int offset) const;

  int dims() const { return dims_; }
  const std::shared_ptr<const cpu::Rope>& table() const { return table_; }

 private:
  int dims_;
  bool traditional_;
  float theta_;
  float scale_;
  std::optional<mx::array> periods_;
  std::shared_ptr<const cpu::Rope> table_;
};

/// Causal softmax(scale * q k^T) v. q [1, heads, L, dim] are the last L of S positions, keys and
/// values [1, kv_heads, S, dim]; `window` is how many positions a token sees, itself included.
/// Returns [L, heads * dim] of q's type. Throws std::invalid_argument where shapes do not fit.
mx::array attention(const mx::array& q, const mx::array& keys, const mx::array& values, float scale,
                    std::optional<int> window);

}  // namespace mlxd::kernels
