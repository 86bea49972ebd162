// Rope of a step's rows where attention cannot do it on the way. On a CPU only: elsewhere
// kernels::Rope rotates one sequence after the other. Engine thread only.
#pragma once

#include <vector>

#include "kernels/attention.h"

namespace mlxd::kernels {

/// `length` rows of a step, at positions from `offset` on.
struct RowRun {
  int length, offset;

  bool operator==(const RowRun&) const = default;
};

/// x [T, heads * dim] float32, T the sum of the runs' lengths -> the same shape, each head rotated.
mx::array rotated_rows(const mx::array& x, int dim, const std::vector<RowRun>& runs,
                       const Rope& rope);

}  // namespace mlxd::kernels
