// The kernels of one instruction set, put together. Included by each panel_*.cpp inside an unnamed
// namespace, before its vector type.
// clang-format off
#include "kernels/cpu/panel_kernel.inl"
#include "kernels/cpu/spread_kernel.inl"       // uses the one before
#include "kernels/cpu/dense_kernel.inl"        // likewise
#include "kernels/cpu/lanes.inl"               // uses panel_kernel.inl
#include "kernels/cpu/stored_page.inl"         // uses lanes
#include "kernels/cpu/attention_kernel.inl"    // uses the one before
#include "kernels/cpu/elementwise_kernel.inl"  // uses lanes
#include "kernels/cpu/sampling_kernel.inl"     // likewise
// clang-format on

// Kernels for 1, 2 .. max_rows rows.
template <class V, int bits, class X, class Rows>
struct Panels;
template <class V, int bits, class X, int... before>
struct Panels<V, bits, X, std::integer_sequence<int, before...>> {
  static constexpr PanelKernel<X> kernels[] = {Panel<V, bits, X, before + 1>::multiply...};
};

template <class V, class X, int max_rows>
constexpr PanelKernels<X> panel_kernels(QuantizeRow<X> quantize) {
  static_assert(max_rows <= kMostRows);
  using Rows = std::make_integer_sequence<int, max_rows>;
  return {max_rows, Panels<V, 4, X, Rows>::kernels, Panels<V, 8, X, Rows>::kernels,
          Panels<V, kSpread, X, Rows>::kernels, quantize};
}

template <class V, ScaleType type, class Rows>
struct DensePanels;
template <class V, ScaleType type, int... before>
struct DensePanels<V, type, std::integer_sequence<int, before...>> {
  static constexpr PanelKernel<float> kernels[] = {DensePanel<V, type, before + 1>::multiply...};
};

template <class V, int max_rows>
constexpr FloatKernels float_kernels() {
  using Rows = std::make_integer_sequence<int, max_rows>;
  return {max_rows,
          {DensePanels<V, ScaleType::f16, Rows>::kernels,
           DensePanels<V, ScaleType::bf16, Rows>::kernels,
           DensePanels<V, ScaleType::f32, Rows>::kernels},
          Panels<V, kFloat8, float, Rows>::kernels};
}

template <class V>
constexpr SpreadKernels spread_kernels() {
  return {spread_tile<V, Planes<V, 2, 0>>, spread_tile<V, Planes<V, 2, 1>>,
          spread_tile<V, Planes<V, 4, 1>>, spread_tile<V, Planes<V, 4, 2>>,
          spread_tile<V, Float4<V>>};
}

// The table of an instruction set, with the most rows of floats and of integers that it takes
// together.
template <class V, int float_rows, int integer_rows>
constexpr KernelTable make_table() {
  return {panel_kernels<V, float, float_rows>(nullptr),
          panel_kernels<V, int16_t, integer_rows>(quantize_row<V, int16_t>),
          panel_kernels<V, int8_t, integer_rows>(quantize_row<V, int8_t>),
          float_kernels<V, float_rows>(),
          spread_kernels<V>(),
          {attend_page<Plain<float>>, attend_page<Plain<uint16_t>>, attend_page<Scaled<8>>,
           attend_page<Scaled<4>>},
          join_pages,
          narrow_row,
          rms_norm_row,
          layer_norm_row,
          {glu_run<gated<silu>>, glu_run<gated<gelu_tanh>>, glu_run<gated<gelu>>,
           glu_run<clamped_silu>},
          arg_max_row,
          weigh_run,
          sum_above};
}
