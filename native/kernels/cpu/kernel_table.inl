// The kernels of one instruction set, put together. Included by each panel_*.cpp inside an unnamed
// namespace, before its vector type.
// clang-format off
#include "kernels/cpu/panel_kernel.inl"
#include "kernels/cpu/attention_kernel.inl"    // uses the one before
#include "kernels/cpu/elementwise_kernel.inl"  // likewise
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
  using Rows = std::make_integer_sequence<int, max_rows>;
  return {max_rows, Panels<V, 4, X, Rows>::kernels, Panels<V, 8, X, Rows>::kernels, quantize};
}

// The table of an instruction set, with the most rows of floats and of integers that it takes
// together.
template <class V, int float_rows, int integer_rows>
constexpr KernelTable make_table() {
  return {panel_kernels<V, float, float_rows>(nullptr),
          panel_kernels<V, int16_t, integer_rows>(quantize_row<int16_t>),
          panel_kernels<V, int8_t, integer_rows>(quantize_row<int8_t>),
          attend_split,
          rms_norm_row,
          swiglu_run};
}
