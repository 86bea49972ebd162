// A weight matrix, dense or quantized, and the two things done with it. The one place that says
// which kernel is used when:
//   on a GPU               mx::matmul, mx::take, mx::quantized_matmul, mx::dequantize
//   on a CPU               ours (cpu/), over weights repacked at load
//   on a CPU, if so set    MLX's reference, slow
// Engine thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "kernels/cpu_ops.h"
#include "kernels/quantization_scheme.h"
#include "mlx/mlx.h"

namespace mlxd::kernels {

/// The matrix W [N, K] of a linear layer or an embedding. The constructors evaluate the arrays and
/// may hold them in another layout: keep no copy of them. While kernels::measuring() they read
/// nothing. They throw std::invalid_argument where shapes or types do not fit each other.
class WeightMatrix {
 public:
  /// `weight` [N, K] in float16, bfloat16 or float32. MLX's kernels get it cast to `type`; ours
  /// keep it as it is.
  WeightMatrix(const mx::array& weight, mx::Dtype type);

  /// `weight` uint32 [N, K * bits / 32]. Affine: `scales` and `biases` [N, K / group_size] in
  /// float16, bfloat16 or float32. Others: `scales` uint8 [N, K / group_size], no biases.
  WeightMatrix(const mx::array& weight, const mx::array& scales,
               const std::optional<mx::array>& biases, const QuantizationScheme& scheme);

  /// x [T, K] of a float type -> x W^T [T, N], of the type of x.
  mx::array matmul(const mx::array& x) const;

  /// ids int32 [T], each in [0, N) -> the rows W[ids] [T, K]. With our kernels, and of quantized
  /// weights on a CPU, float32; else the type of dense weights or of affine scales, or bfloat16.
  mx::array rows(const mx::array& ids) const;

  /// The matrix as our own kernels hold it; null where MLX's are used, and where it is only
  /// measured.
  const SharedMatrix* packed() const { return std::get_if<SharedMatrix>(&data_); }

  /// Of our own kernels.
  Precision precision() const { return precision_; }

  /// N and K.
  int rows_count() const { return rows_; }
  int columns() const { return columns_; }

  /// Bytes of memory held, or, where it is only measured, that would be.
  size_t bytes() const { return bytes_; }

 private:
  // For MLX's kernels.
  struct Dense {
    mx::array weight;
  };
  struct Quantized {
    mx::array weight, scales;
    std::optional<mx::array> biases;
    QuantizationScheme scheme;
  };

  void hold(const std::vector<mx::array>& arrays);
  void hold(const cpu::MatrixFormat& format, const std::vector<mx::array>& arrays);

  int rows_;
  int columns_;
  size_t bytes_ = 0;
  Precision precision_;  // of our own kernels
  std::variant<Dense, Quantized, SharedMatrix> data_;
};

}  // namespace mlxd::kernels
