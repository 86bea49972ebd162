// Rotary position embedding of the heads of some consecutive positions.
#pragma once

#include <vector>

#include "kernels/cpu/attention.h"

namespace mlxd::kernels::cpu {

struct Rope {
  std::vector<float> frequencies;  // [dim / 2] radians a position
  bool traditional;                // pairs are neighbours, else a column and the one dim / 2 on
};

/// Where [heads, rows, dim] is written to.
struct HeadsOut {
  float* data;
  ptrdiff_t head_stride;
  ptrdiff_t row_stride;
};

/// x [heads, rows, dim], row r at position offset + r -> out. The bits of a row depend on it and
/// its position only.
void rotate(const Rope& rope, const Heads& x, int heads, int rows, int offset, const HeadsOut& out,
            ThreadPool& pool);

/// The same to contiguous memory.
void rotate(const Rope& rope, const Heads& x, int heads, int rows, int offset, float* out,
            ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
