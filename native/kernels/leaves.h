// Leaves of nn/ as one operation each. The one place that says when that is so:
//   on a CPU, x float32, matrices packed, of one precision    one operation, these functions
//   anything else, and on a GPU                               the composition that nn/ spells out
// Results are those of the composition; a row's bits do not depend on the rows around it. Engine
// thread only.
#pragma once

#include <initializer_list>
#include <vector>

#include "kernels/weight_matrix.h"

namespace mlxd::kernels {

/// x W^T + b, as somebody else holds W [N, K] and b [N], a float32 array in memory of its own; null
/// if there is none.
struct LinearLayer {
  const WeightMatrix& weight;
  const mx::array* bias;

  LinearLayer(const WeightMatrix& w, const mx::array* b = nullptr) : weight(w), bias(b) {}
};

using LinearLayers = std::initializer_list<LinearLayer>;

/// Whether the functions below take x and the layers together.
bool can_fuse(const mx::array& x, LinearLayers layers);

/// x [T, K], residual [T, N] -> residual + layer(x).
mx::array linear_add(const LinearLayer& layer, const mx::array& x, const mx::array& residual);

/// RMS norm of x [T, K] with `weight` [K], then each of `layers`: [T, N] each.
std::vector<mx::array> norm_linears(const mx::array& x, const mx::array& weight, float eps,
                                    LinearLayers layers);

/// With n the RMS norm of x [T, K]: silu(gate(n)) * up(n), [T, N].
mx::array norm_swiglu(const mx::array& x, const mx::array& weight, float eps,
                      const LinearLayer& gate, const LinearLayer& up);

}  // namespace mlxd::kernels
