// Token embedding, which is the output head too when a model ties the two.
#pragma once

#include "nn/matrix.h"

namespace mlxd::nn {

class Embedding {
 public:
  /// Takes `weight` [vocabulary, width], dense or quantized, of `w`.
  Embedding(const Weights& w, int vocabulary, int width)
      : rows_(take_matrix(w, vocabulary, width)) {}

  /// ids int32 [T], each below the vocabulary's size -> [T, width].
  mx::array operator()(const mx::array& ids) const { return rows_.rows(ids); }

  /// Of the rows.
  mx::Dtype dtype() const { return rows_.rows(mx::zeros({1}, mx::int32)).dtype(); }

  /// [vocabulary, width]
  const kernels::WeightMatrix& matrix() const { return rows_; }

  /// hidden [N, width] -> logits [N, vocabulary].
  mx::array as_linear(const mx::array& hidden) const { return rows_.matmul(hidden); }

 private:
  kernels::WeightMatrix rows_;
};

}  // namespace mlxd::nn
