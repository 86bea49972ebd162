// The matrices of a mixture's experts, and the products of tokens with those that they were routed
// to. The one place that says which kernel is used when:
//   on a GPU               mx::gather_mm, mx::gather_qmm
//   on a CPU               ours (cpu/), each expert's rows together
//   on a CPU, if so set    MLX's reference, slow
// Engine thread only.
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "kernels/weight_matrix.h"

namespace mlxd::kernels {

/// Matrices W [E, N, K], one for each of E experts. The constructors evaluate the arrays and may
/// hold them in another layout: keep no copy of them. While kernels::measuring() they read nothing.
/// They throw std::invalid_argument where shapes or types do not fit each other.
class ExpertMatrices {
 public:
  /// As the dense WeightMatrix, with the axis of experts in front.
  ExpertMatrices(const mx::array& weight, mx::Dtype type);

  /// As the quantized WeightMatrix, with the axis of experts in front.
  ExpertMatrices(const mx::array& weight, const mx::array& scales,
                 const std::optional<mx::array>& biases, const QuantizationScheme& scheme);

  /// x [T, 1, K] of a float type, or [T, S, K] with a row for each choice; experts int32 [T, S],
  /// each in [0, E) -> y [T, S, N], of the type of x: y[t, s] = x[t, s] W[experts[t, s]]^T. With
  /// our kernels the bits of a row depend on its x and expert only, and an expert that is not there
  /// fails the evaluation with std::out_of_range.
  mx::array matmul(const mx::array& x, const mx::array& experts) const;

  /// x [T, E, K] of a float type -> y [T, E, N], of the type of x: y[t, e] = x[t, e] W[e]^T. Bits
  /// as of matmul.
  mx::array matmul_each(const mx::array& x) const;

  /// Bytes of memory held, or, where they are only measured, that would be.
  size_t bytes() const { return bytes_; }

 private:
  // For MLX's kernels.
  struct Stack {
    mx::array weight;
    std::optional<mx::array> scales, biases;
    QuantizationScheme scheme;
  };

  // For ours: a matrix for each expert.
  struct Packed {
    std::shared_ptr<const std::vector<SharedMatrix>> experts;
    Precision precision;
  };

  /// make(e) is the matrix of expert e.
  template <class Make>
  void pack(int experts, const Make& make);
  void hold(const std::vector<mx::array>& arrays);

  int rows_, columns_;
  size_t bytes_ = 0;
  std::variant<Stack, Packed> data_;
};

}  // namespace mlxd::kernels
