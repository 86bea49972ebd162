// Rotary position embedding of the heads of some consecutive positions.
#pragma once

#include <vector>

#include "kernels/cpu/attention.h"

namespace mlxd::kernels::cpu {

struct Rope {
  std::vector<float> frequencies;  // [dim / 2] radians a position
  bool traditional;                // pairs are neighbours, else a column and the one dim / 2 on
};

/// x [heads, rows, dim], row r at position offset + r -> out, [heads, rows, dim] contiguous. The
/// bits of a row depend on it and its position only.
void rotate(const Rope& rope, const Heads& x, int heads, int rows, int offset, float* out,
            ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
