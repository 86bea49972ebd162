// What an adapter of low rank adds to a linear layer. Over kernels/ and mx.
#pragma once

#include "nn/matrix.h"

namespace mlxd::nn {

/// scale * (x A) B (LoRA, Hu et al., 2021), computed beside the layer: added to its weights it
/// would be rounded to the levels of a quantized matrix.
class LowRank {
 public:
  /// Takes `lora_a` [inputs, rank] and `lora_b` [rank, outputs] of `w`, whose checkpoint has an
  /// adapter.
  LowRank(const Weights& w, int inputs, int outputs);

  /// x [T, inputs] -> [T, outputs], of the type of x.
  mx::array operator()(const mx::array& x) const;

 private:
  kernels::WeightMatrix a_, b_;  // [rank, inputs], [outputs, rank]
};

}  // namespace mlxd::nn
