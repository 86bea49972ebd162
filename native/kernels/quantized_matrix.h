// A quantized weight matrix and the two things done with it. The one place that says which kernel
// is used when:
//   on a GPU               mx::quantized_matmul, mx::dequantize
//   on a CPU               ours (cpu/), over weights repacked at load
//   on a CPU, if so set    MLX's reference, slow
// Engine thread only.
#pragma once

#include <cstddef>
#include <variant>

#include "kernels/cpu_ops.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {

/// The matrix W [N, K] of a linear layer or an embedding, affine quantized: w = scale * q + bias,
/// with one scale and one bias for each `group_size` columns of a row.
class QuantizedMatrix {
 public:
  /// `weight` uint32 [N, K * bits / 32], `scales` and `biases` [N, K / group_size] in float16,
  /// bfloat16 or float32. Evaluates the three and may hold them in another layout: keep no copy of
  /// them. Throws std::invalid_argument where shapes or types do not fit each other.
  QuantizedMatrix(const mx::array& weight, const mx::array& scales, const mx::array& biases,
                  int group_size, int bits);

  /// x [T, K] of a float type -> x W^T [T, N], of the type of x.
  mx::array matmul(const mx::array& x) const;

  /// ids int32 [T], each in [0, N) -> the rows W[ids] [T, K]; float32 on a CPU, the type of the
  /// scales on a GPU.
  mx::array rows(const mx::array& ids) const;

  /// The matrix as our own kernels hold it; null where MLX's are used.
  const SharedMatrix* packed() const { return std::get_if<SharedMatrix>(&data_); }

  /// Of our own kernels.
  Precision precision() const { return precision_; }

  /// N and K.
  int rows_count() const { return rows_; }
  int columns() const { return columns_; }

  /// Bytes of memory held.
  size_t bytes() const;

 private:
  // As the checkpoint has it, for MLX's kernels.
  struct Unpacked {
    mx::array weight, scales, biases;
  };

  int rows_;
  int columns_;
  int group_size_;
  int bits_;
  Precision precision_;  // of our own kernels
  std::variant<Unpacked, SharedMatrix> data_;
};

}  // namespace mlxd::kernels
