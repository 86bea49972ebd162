// What every instruction set provides: kernels that multiply one panel of a PackedMatrix with a few
// rows of x.
//
// For each row of x and each of the panel's 32 outputs, all in float32:
//   total = 0
//   for each group, in order:
//     dot = 0;  for each column of the group, in order: dot = dot + q * x
//     total = total + scale * dot;  total = total + bias * (sum of x over the group)
// Every product is fused with its sum (one rounding), except in the scalar kernels. The order is
// that for any number of rows, so a row's result has the same bits in any batch, and the same on
// AVX2, AVX-512 and NEON.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/scale_type.h"

namespace mlxd::kernels::cpu {

struct PanelArgs {
  const uint8_t* panel;
  int groups;
  int group_size;
  ScaleType scale_type;
  const float* x;  // [rows, groups * group_size]
  size_t x_stride;
  const float* sums;  // of x over each group, [rows, groups]
  size_t sums_stride;
  float* y;  // [rows, outputs]
  size_t y_stride;
  int outputs;  // 1 .. 32, fewer only in the last panel
};

using PanelKernel = void (*)(const PanelArgs& args);

/// The kernels of one instruction set for 1 .. max_rows rows of x: four_bit[r - 1] takes r rows.
struct PanelKernels {
  int max_rows;
  const PanelKernel* four_bit;
  const PanelKernel* eight_bit;

  PanelKernel find(int bits, int rows) const {
    return (bits == 4 ? four_bit : eight_bit)[rows - 1];
  }
};

extern const PanelKernels kScalarKernels;
#if defined(__x86_64__)
extern const PanelKernels kAvx2Kernels;
extern const PanelKernels kAvx512Kernels;
#elif defined(__aarch64__)
extern const PanelKernels kNeonKernels;
#endif

/// Those of `isa`, which the machine must have.
const PanelKernels& panel_kernels(Isa isa);

}  // namespace mlxd::kernels::cpu
