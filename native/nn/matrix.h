// A weight matrix, dense or quantized as the checkpoint holds it: what linear layers and embeddings
// share.
#pragma once

#include "kernels/expert_matrices.h"
#include "nn/weights.h"

namespace mlxd::nn {

/// Takes `weight` [rows, columns] of `w`, or `weight` (packed), `scales` and, if they are affine,
/// `biases`.
kernels::WeightMatrix take_matrix(const Weights& w, int rows, int columns);

/// The same of a mixture's experts, with their axis in front: `weight` [experts, rows, columns].
kernels::ExpertMatrices take_experts(const Weights& w, int experts, int rows, int columns);

}  // namespace mlxd::nn
