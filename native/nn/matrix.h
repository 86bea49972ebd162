// A weight matrix, dense or quantized as the checkpoint holds it: what linear layers and embeddings
// share.
#pragma once

#include <variant>

#include "kernels/quantized_matrix.h"
#include "nn/weights.h"

namespace mlxd::nn {

class Matrix {
 public:
  /// Takes `weight` [rows, columns], or `weight` (packed), `scales` and `biases`, of `w`.
  Matrix(const Weights& w, int rows, int columns);

  /// x [T, columns] -> [T, rows].
  mx::array matmul(const mx::array& x) const;

  /// Null if it is dense.
  const kernels::QuantizedMatrix* quantized() const {
    return std::get_if<kernels::QuantizedMatrix>(&weight_);
  }

  /// ids int32 [T] -> rows [T, columns].
  mx::array rows(const mx::array& ids) const;

 private:
  std::variant<mx::array, kernels::QuantizedMatrix> weight_;
};

}  // namespace mlxd::nn
