// x W^T for a packed W on the cores of this machine: cuts the work into panels and row
// blocks for the pool.
#pragma once

#include <cstddef>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/packed_matrix.h"
#include "kernels/cpu/precision.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// Rows of floats in memory, row r at data + r * stride.
struct Rows {
  const float* data;
  size_t stride;
  int count;
};

/// x [count, columns of w] -> y [count, rows of w], contiguous. The bits of a row of y depend on
/// that row of x, on w, on the precision and, if that is exact, on whether `isa` is scalar, and on
/// nothing else. A dense w is multiplied exactly whatever the precision. A non-finite element of x
/// makes its whole row of y non-finite.
void matmul(const PackedMatrix& w, const Rows& x, float* y, Precision precision, Isa isa,
            ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
