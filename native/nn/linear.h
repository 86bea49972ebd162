// A linear layer. Over kernels/ and mx.
#pragma once

#include <optional>

#include "kernels/leaves.h"
#include "nn/low_rank.h"
#include "nn/matrix.h"

namespace mlxd::nn {

/// Whether a linear layer adds a bias.
enum class Bias { if_present, required };

class Linear {
 public:
  /// Takes `weight` [outputs, inputs] (or its quantized form) and `bias` [outputs] of `w`, and what
  /// an adapter has for this layer.
  Linear(const Weights& w, int inputs, int outputs, Bias bias = Bias::if_present);

  /// x [T, inputs] -> [T, outputs].
  mx::array operator()(const mx::array& x) const;

  /// As the fused leaves take it.
  kernels::LinearLayer layer() const {
    return {weight_, bias_ ? &*bias_ : nullptr, low_rank_.has_value()};
  }

 private:
  kernels::WeightMatrix weight_;
  std::optional<mx::array> bias_;
  std::optional<LowRank> low_rank_;
};

}  // namespace mlxd::nn
