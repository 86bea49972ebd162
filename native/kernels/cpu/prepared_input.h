// Rows of x as the panel kernels take them: normed if the leaf begins so, quantized if the
// precision says so, with the sums of their groups. Made once a leaf, for all its matrices.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "kernels/cpu/norm.h"
#include "kernels/cpu/panel_kernels.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// Rows of floats in memory, row r at data + r * stride.
struct Rows {
  const float* data;
  size_t stride;
  int count;
};

/// What a leaf multiplies: rows, and the norm they pass before.
struct Input {
  Rows rows;
  std::optional<Norm> norm = {};
};

/// X is the type of the kernels' values. Refers to the rows themselves where they need no change.
template <class X>
class PreparedInput {
 public:
  /// `columns` is a multiple of `group_size`; that is 0 for floats whose groups nobody sums.
  PreparedInput(const Input& x, int columns, int group_size, const KernelTable& table,
                ThreadPool& pool);

  int group_size() const { return group_size_; }

  /// The rows from `row` on.
  PreparedRows<X> from(int row) const {
    const size_t group = size_t(row) * groups_;
    return {values_ + row * stride_, stride_, scales_ ? &scales_[group] : nullptr,
            sums_.get() + group, crossed_ ? &crossed_[group] : nullptr};
  }

  size_t row_bytes() const { return sizeof(X) * columns_; }

 private:
  void prepare(const Input& x, int row, float* normed, const KernelTable& table);

  int columns_, group_size_, groups_;
  const X* values_;
  size_t stride_;
  std::unique_ptr<X[]> made_;
  std::unique_ptr<float[]> scales_, sums_;
  std::unique_ptr<int32_t[]> crossed_;  // null where no kernel of so many rows needs it
};

}  // namespace mlxd::kernels::cpu
