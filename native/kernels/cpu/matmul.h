// Leaves of a model over packed matrices, on the cores of this machine: one or several layers that
// share x, with what comes before (a norm) and after (an activation, a residual). Cuts the
// work into panels and row blocks for the pool; each leaf is one loop on it, since a loop costs a
// wake-up and a wait.
//
// The bits of a row of a result depend on that row of x (and of the residual), on the layers, on
// the precision and, if that is exact, on whether `isa` is scalar, and on nothing else. Dense
// matrices, and those of 8-bit floats, are multiplied exactly whatever the precision. A non-finite
// element of x makes its whole row non-finite.
#pragma once

#include <span>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/packed_matrix.h"
#include "kernels/cpu/precision.h"
#include "kernels/cpu/prepared_input.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// How a leaf is computed.
struct Compute {
  Precision precision;
  Isa isa;
  ThreadPool& pool;
};

/// x W^T + b with W [N, K] and b [N], which may be null.
struct Layer {
  const PackedMatrix* w;
  const float* bias = nullptr;
};

/// A layer and its result: y [count, N], contiguous.
struct Product {
  Layer layer;
  float* y;
};

/// x [count, K] through each layer, of which there is one at least.
void matmuls(std::span<const Product> products, const Input& x, const Compute& how);
void matmul(const Product& product, const Input& x, const Compute& how);

/// residual [count, N] + layer(x).
void matmul_add(const Product& product, const Input& x, const Rows& residual, const Compute& how);

/// activation(gate(x)) * up(x), to where `gate` says; the layers have as many rows.
void matmul_glu(Activation activation, const Product& gate, const Layer& up, const Input& x,
                const Compute& how);

}  // namespace mlxd::kernels::cpu
