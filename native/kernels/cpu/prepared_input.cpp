#include "kernels/cpu/prepared_input.h"

#include <algorithm>
#include <type_traits>

namespace mlxd::kernels::cpu {
namespace {

// One row or two are prepared by the caller alone: sharing them takes longer.
constexpr int kRowsPerChunk = 2;

// Eight running sums, then theirs: vectorizes, and the order is fixed. `count` is a multiple of 8.
float sum(const float* x, int count) {
  float partial[8] = {};
  for (int i = 0; i < count; i += 8) {
    for (int lane = 0; lane < 8; ++lane) partial[lane] += x[i + lane];
  }
  return ((partial[0] + partial[4]) + (partial[2] + partial[6])) +
         ((partial[1] + partial[5]) + (partial[3] + partial[7]));
}

const PanelKernels<float>& kernels_of(const KernelTable& table, float) { return table.exact; }
const PanelKernels<int16_t>& kernels_of(const KernelTable& table, int16_t) {
  return table.balanced;
}
const PanelKernels<int8_t>& kernels_of(const KernelTable& table, int8_t) { return table.fast; }

}  // namespace

template <class X>
PreparedInput<X>::PreparedInput(const Input& x, int columns, int group_size,
                                const KernelTable& table, ThreadPool& pool)
    : columns_(columns), group_size_(group_size), groups_(group_size ? columns / group_size : 0) {
  const size_t count = x.rows.count;
  constexpr bool quantized = !std::is_same_v<X, float>;
  if (quantized || x.norm) made_ = std::make_unique_for_overwrite<X[]>(count * columns);
  if (quantized) scales_ = std::make_unique_for_overwrite<float[]>(count * groups_);
  sums_ = std::make_unique_for_overwrite<float[]>(count * groups_);
  const PanelKernels<X>& kernels = kernels_of(table, X{});
  if (kernels.many.cross && x.rows.count > kernels.max_rows) {
    crossed_ = std::make_unique_for_overwrite<int32_t[]>(count * groups_);
  }
  values_ = made_.get();
  stride_ = columns;
  if constexpr (!quantized) {
    if (!made_) {
      values_ = x.rows.data;
      stride_ = x.rows.stride;
    }
  }
  if (!made_ && groups_ == 0) return;
  const int chunks = (x.rows.count + kRowsPerChunk - 1) / kRowsPerChunk;
  const size_t scratch = quantized && x.norm ? columns : 0;  // a chunk
  const auto normed = std::make_unique_for_overwrite<float[]>(scratch * chunks);
  pool.run(chunks, [&](int chunk) {
    const int end = std::min(x.rows.count, (chunk + 1) * kRowsPerChunk);
    for (int r = chunk * kRowsPerChunk; r < end; ++r) {
      prepare(x, r, normed.get() + scratch * chunk, table);
    }
  });
}

template <class X>
void PreparedInput<X>::prepare(const Input& x, int row, float* normed, const KernelTable& table) {
  const float* from = x.rows.data + row * x.rows.stride;
  const size_t group = size_t(row) * groups_;
  if constexpr (std::is_same_v<X, float>) normed = made_.get() + size_t(row) * columns_;
  if (x.norm) {
    (*x.norm)(from, columns_, normed, table);
    from = normed;
  }
  if constexpr (std::is_same_v<X, float>) {
    for (int g = 0; g < groups_; ++g) {
      sums_[group + g] = sum(from + size_t(g) * group_size_, group_size_);
    }
  } else {
    const PanelKernels<X>& kernels = kernels_of(table, X{});
    X* values = &made_[size_t(row) * columns_];
    kernels.quantize(from, groups_, group_size_, values, &scales_[group], &sums_[group]);
    if (crossed_) kernels.many.cross(values, groups_, group_size_, &crossed_[group]);
  }
}

template class PreparedInput<float>;
template class PreparedInput<int16_t>;
template class PreparedInput<int8_t>;

}  // namespace mlxd::kernels::cpu
