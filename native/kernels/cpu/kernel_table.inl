// The kernels of one instruction set, put together. Included by each panel_*.cpp inside an unnamed
// namespace, before its vector type.
// clang-format off
#include "kernels/cpu/panel_kernel.inl"
#include "kernels/cpu/attention_kernel.inl"    // uses the one before
#include "kernels/cpu/elementwise_kernel.inl"  // likewise
// clang-format on

template <class V, int bits, class X, int... rows>
constexpr PanelKernel<X> kPanels[] = {Panel<V, bits, X, rows>::multiply...};

template <class V, class X, int... rows>
constexpr PanelKernels<X> panel_kernels(QuantizeRow<X> quantize) {
  return {sizeof...(rows), kPanels<V, 4, X, rows...>, kPanels<V, 8, X, rows...>, quantize};
}

// The table of an instruction set whose registers hold the sums of `rows`: 1, 2 .. max_rows.
template <class V, int... rows>
constexpr KernelTable make_table() {
  return {panel_kernels<V, float, rows...>(nullptr),
          panel_kernels<V, int16_t, rows...>(quantize_row<int16_t>),
          panel_kernels<V, int8_t, rows...>(quantize_row<int8_t>),
          attend_split,
          rms_norm_row,
          swiglu_run};
}
