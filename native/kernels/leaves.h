// Leaves of nn/ as one operation each. The one place that says when that is so:
//   on a CPU, x float32, all matrices packed, no bias    one operation, these functions
//   anything else, and on a GPU                          the composition that nn/ spells out
// Results are those of the composition; a row's bits do not depend on the rows around it. Engine
// thread only.
#pragma once

#include <initializer_list>
#include <vector>

#include "kernels/quantized_matrix.h"

namespace mlxd::kernels {

using MatrixList = std::initializer_list<const QuantizedMatrix*>;

/// Whether the functions below take x and the matrices; a null is a layer that is more than one.
bool can_fuse(const mx::array& x, MatrixList matrices);

/// x [T, K], residual [T, N] -> residual + x W^T.
mx::array matmul_add(const QuantizedMatrix& w, const mx::array& x, const mx::array& residual);

/// RMS norm of x [T, K] with `weight` [K], then its product with each of `matrices`: [T, N] each.
std::vector<mx::array> norm_matmuls(const mx::array& x, const mx::array& weight, float eps,
                                    MatrixList matrices);

/// With n the RMS norm of x [T, K]: silu(n gate^T) * (n up^T), [T, N].
mx::array norm_swiglu(const mx::array& x, const mx::array& weight, float eps,
                      const QuantizedMatrix& gate, const QuantizedMatrix& up);

}  // namespace mlxd::kernels
