// What every instruction set provides: kernels that multiply one panel of a PackedMatrix with a few
// rows of x, for x as floats (Precision::exact) or quantized to integers (balanced, fast).
//
// For each row of x and each of the panel's 32 outputs, of quantized weights:
//   total = 0
//   for each group, in order:
//     dot = sum of q * x over the group, column by column
//     total = total + (scale * x_scale) * dot;  total = total + bias * x_sum
// Weights that are floats of 8 bits take x as floats in any precision, and have no bias. Dense ones
// too, with only total = total + dot.
// Totals are float32, each product fused with its sum. Dots of floats (x_scale is 1) are float32
// too, fused but for the scalar kernels; dots of integers are exact. No order depends on the number
// of rows: a row's result has the same bits in any batch, and on every instruction set, except that
// the scalar kernels' exact results differ in rounding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/kv_page.h"
#include "kernels/cpu/matrix_format.h"

namespace mlxd::kernels::cpu {

/// Some rows of x, prepared for the kernels: X is float, int16_t or int8_t. Where the bytes of
/// int16_t lie is an instruction set's own matter (Arrangement in panel_kernel.inl).
template <class X>
struct PreparedRows {
  const X* values;  // [rows, columns]
  size_t stride;
  const float* scales;               // [rows, groups]: what a value stands for; null for floats
  const float* sums;                 // [rows, groups]: of what the values stand for
  const int32_t* crossed = nullptr;  // [rows, groups]: what ManyRows::cross makes of them
};

/// Copies the weights of a tile of `group_size` columns to `bytes`, as a tile of 8 bits holds them;
/// those of 4-bit floats as the integers 2 * value + 12.
using SpreadTile = void (*)(const uint8_t* tile, int group_size, uint8_t* bytes);

template <class X>
struct PanelArgs {
  const uint8_t* panel;
  int columns;
  int groups;
  int group_size;
  size_t group_bytes;
  int bits;
  SpreadTile spread;  // null where the kernel takes weights as they are
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

/// No kernel takes more rows together.
constexpr int kMostRows = 48;

/// For 4-bit weights and more rows than else go together, up to kMostRows: both or none.
template <class X>
struct ManyRows {
  void (*four_bit)(const PanelArgs<X>& args, int rows) = nullptr;
  // What that needs to know of a row, for each group.
  void (*cross)(const X* values, int groups, int group_size, int32_t* crossed) = nullptr;
};

/// The kernels for 1 .. max_rows rows of x: four_bit[r - 1] takes r rows.
template <class X>
struct PanelKernels {
  int max_rows;
  const PanelKernel<X>* four_bit;
  const PanelKernel<X>* eight_bit;
  const PanelKernel<X>* spread;  // for all other quantized weights
  QuantizeRow<X> quantize;       // null for floats
  ManyRows<X> many = {};

  const PanelKernel<X>* find(const MatrixFormat& format) const {
    if (format.encoding != Encoding::affine) return spread;
    return format.bits == 4 ? four_bit : format.bits == 8 ? eight_bit : spread;
  }
};

/// Those for weights that are floats as they are.
struct FloatKernels {
  int max_rows;
  const PanelKernel<float>* dense[3];  // f16, bf16, f32
  const PanelKernel<float>* eight_bit;

  const PanelKernel<float>* find(const MatrixFormat& format) const {
    const bool is_dense = format.encoding == Encoding::dense;
    return is_dense ? dense[static_cast<int>(format.scale_type)] : eight_bit;
  }
};

/// For weights that no kernel takes as they are.
struct SpreadKernels {
  SpreadTile two_bit, three_bit, five_bit, six_bit, float4;

  SpreadTile find(const MatrixFormat& format) const {
    if (format.encoding == Encoding::float4) return float4;
    switch (format.bits) {
      case 2:
        return two_bit;
      case 3:
        return three_bit;
      case 5:
        return five_bit;
      case 6:
        return six_bit;
      default:
        return nullptr;
    }
  }
};

/// Some queries of one sequence, with the heads that share a key head, and one page of its keys and
/// values as KvPage lays them out.
struct PageArgs {
  const float* q;  // [queries, heads, dim]
  ptrdiff_t query_stride;
  int queries;
  int heads;
  int dim;
  const uint8_t* keys;
  const uint8_t* values;
  int first;     // position of the page's first place
  int position;  // of the first query; the others follow
  int window;    // how many positions a query sees, itself included; 0 is all
  float scale;   // of scores, before softmax
  float cap;     // scores become cap * tanh(score / cap); 0 is none
  // [queries, heads]: AttentionState of each.
  float* states;
  ptrdiff_t query_states, head_states;  // strides
  bool joins;  // states of queries that see earlier pages hold what those gave; else all are new
};

/// What a head of a query has got of some pages: [value_width] values weighted with
/// e^(score - maximum), the maximum, the sum of weights.
struct AttentionState {
  static int width(int value_width) { return value_width + 2; }
};

using AttendPage = void (*)(const PageArgs& args);

/// Joins the state of a later page into one of earlier pages.
using JoinPages = void (*)(float* state, const float* later, int value_width);

/// float32 to float16, rounded to nearest even, at most 65504 in magnitude; NaN stays.
using NarrowRow = void (*)(const float* x, int count, uint16_t* out);

/// out = x * weight / sqrt(mean(x^2) + eps), over one row.
using RmsNormRow = void (*)(const float* x, const float* weight, int width, float eps, float* out);

/// out = (x - mean(x)) * weight / sqrt(variance(x) + eps) + bias, over one row; null is none.
using LayerNormRow = void (*)(const float* x, const float* weight, const float* bias, int width,
                              float eps, float* out);

/// gate = gate activated with up.
using GluRun = void (*)(float* gate, const float* up, int count);

/// The first index of the largest of x, and that; 0 and -inf if all are NaN.
using ArgMaxRow = int (*)(const float* x, int count, float* largest);

/// weights = e^((x - shift) * scale) for x <= shift, zero below 1.6e-38; returns their sum.
using WeighRun = float (*)(const float* x, int count, float shift, float scale, float* weights);

/// The sum of those weights that are `least` and more.
using SumAbove = float (*)(const float* weights, int count, float least);

/// All kernels of one instruction set.
struct KernelTable {
  PanelKernels<float> exact;
  PanelKernels<int16_t> balanced;
  PanelKernels<int8_t> fast;
  FloatKernels floats;
  SpreadKernels spread;
  AttendPage attend_page[4];  // by KvType
  JoinPages join_pages;
  NarrowRow narrow_row;
  RmsNormRow rms_norm;
  LayerNormRow layer_norm;
  GluRun glu[4];  // by Activation
  ArgMaxRow arg_max;
  WeighRun weigh;
  SumAbove sum_above;
};

extern const KernelTable kScalarKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx2VnniKernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx512VnniKernels;
#elif defined(__aarch64__)
extern const KernelTable kNeonKernels;
extern const KernelTable kNeonDotprodKernels;
extern const KernelTable kNeonI8mmKernels;
#endif

/// Those of `isa`, which the machine must have.
const KernelTable& kernel_table(Isa isa);

}  // namespace mlxd::kernels::cpu
