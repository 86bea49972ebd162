// What every instruction set provides: kernels that multiply one panel of a PackedMatrix with a few
// rows of x, for x as floats (Precision::exact) or quantized to integers (balanced, fast).
//
// For each row of x and each of the panel's 32 outputs:
//   total = 0
//   for each group, in order:
//     dot = sum of q * x over the group, column by column
//     total = total + (scale * x_scale) * dot;  total = total + bias * x_sum
// Totals are float32, each product fused with its sum. Dots of floats (x_scale is 1) are float32
// too, fused but for the scalar kernels; dots of integers are exact. No order depends on the number
// of rows: a row's result has the same bits in any batch, and on every instruction set, except that
// the scalar kernels' exact results differ in rounding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/scale_type.h"

namespace mlxd::kernels::cpu {

/// Some rows of x, prepared for the kernels: X is float, int16_t or int8_t.
///
/// Of int16_t, columns 1 and 2 of every four are swapped: kernels take bytes 0 and 2 of a lane
/// together, then 1 and 3.
template <class X>
struct PreparedRows {
  const X* values;  // [rows, columns]
  size_t stride;
  const float* scales;  // [rows, groups]: what a value stands for; null for floats
  const float* sums;    // [rows, groups]: of what the values stand for
};

template <class X>
struct PanelArgs {
  const uint8_t* panel;
  int groups;
  int group_size;
  ScaleType scale_type;
  PreparedRows<X> x;
  float* y;  // [rows, outputs]
  size_t y_stride;
  int outputs;  // 1 .. 32, fewer only in the last panel
};

/// Quantizes a row of x, group by group, to `values` of `PreparedRows`. A group with a non-finite
/// element gets NaN for its scale and sum.
template <class X>
using QuantizeRow = void (*)(const float* x, int groups, int group_size, X* values, float* scales,
                             float* sums);

template <class X>
using PanelKernel = void (*)(const PanelArgs<X>& args);

/// The kernels for 1 .. max_rows rows of x: four_bit[r - 1] takes r rows.
template <class X>
struct PanelKernels {
  int max_rows;
  const PanelKernel<X>* four_bit;
  const PanelKernel<X>* eight_bit;
  QuantizeRow<X> quantize;  // null for floats

  PanelKernel<X> find(int bits, int rows) const {
    return (bits == 4 ? four_bit : eight_bit)[rows - 1];
  }
};

/// Keys that one call of AttendSplit takes at most.
constexpr int kSplitKeys = 256;

/// Some query heads that share a key head, and a run of its keys and values.
struct SplitArgs {
  const float* q;  // [heads, dim]
  ptrdiff_t q_stride;
  int heads;
  int dim;            // a multiple of 16
  const float* keys;  // [count, dim]
  ptrdiff_t key_stride;
  const float* values;  // [count, dim]
  ptrdiff_t value_stride;
  int count;    // 1 .. kSplitKeys
  float scale;  // of scores
  // [heads, dim + 2]: values weighted with e^(score - maximum), maximum, sum of weights.
  float* out;
  ptrdiff_t out_stride;
};

using AttendSplit = void (*)(const SplitArgs& args);

/// out = x * weight / sqrt(mean(x^2) + eps), over one row.
using RmsNormRow = void (*)(const float* x, const float* weight, int width, float eps, float* out);

/// gate = silu(gate) * up.
using SwigluRun = void (*)(float* gate, const float* up, int count);

/// All kernels of one instruction set.
struct KernelTable {
  PanelKernels<float> exact;
  PanelKernels<int16_t> balanced;
  PanelKernels<int8_t> fast;
  AttendSplit attend_split;
  RmsNormRow rms_norm;
  SwigluRun swiglu;
};

extern const KernelTable kScalarKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx2VnniKernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx512VnniKernels;
#elif defined(__aarch64__)
extern const KernelTable kNeonKernels;
#endif

/// Those of `isa`, which the machine must have.
const KernelTable& kernel_table(Isa isa);

}  // namespace mlxd::kernels::cpu
