// A weight matrix in the layout that our kernels read: made once at load, then constant and shared
// by threads.
//
// Panels of 32 output rows lie one after another, the last filled up with zero rows. A panel of a
// dense matrix is a sequence of columns, 32 weights each. A panel of a quantized one is a sequence
// of groups, in the order of columns, so that a kernel reads memory straight on. One group of a
// panel:
//   tile 0 (rows 0..15), tile 1 (rows 16..31), 32 scales, and where the format has them 32 biases.
// A tile is a sequence of 64-byte vectors, and a row has one 4-byte lane of each. Columns lie there
// as quads: each of four columns in a byte of its own, so that one layout serves float kernels (a
// shift and a mask bring one column of 16 rows) and integer dot products (4 columns at once).
//   8 bits: vector j holds quad j
//   4 bits: vector j holds quad 2j in its bytes' low halves, 2j+1 in the high
//   2 bits: vector j holds quads 4j .. 4j+3, from the lowest bits of its bytes up
// Weights of 3, 5 and 6 bits are split: 2 + 1, 4 + 1, 4 + 2. After the vectors of as many low parts
// as it takes comes one with their high parts: a block of 8, 8 and 4 quads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/cpu/matrix_format.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/cpu/weight_memory.h"

namespace mlxd::kernels::cpu {

/// Where the parts of a matrix lie, and what it takes.
class PackedLayout {
 public:
  static constexpr int kPanelRows = 32;
  static constexpr int kTileRows = 16;

  explicit PackedLayout(const MatrixFormat& format)
      : format_(format), groups_((format.columns + format.group_size - 1) / format.group_size) {}

  const MatrixFormat& format() const { return format_; }
  /// The last may be a part, if dense.
  int groups() const { return groups_; }
  int panels() const { return (format_.rows + kPanelRows - 1) / kPanelRows; }
  /// Rows of the matrix in a panel: fewer than kPanelRows only in the last.
  int outputs_of(int panel) const {
    return std::min(kPanelRows, format_.rows - panel * kPanelRows);
  }
  size_t group_bytes() const { return 2 * tile_bytes() + scales_bytes(); }
  size_t panel_bytes() const {
    return size_t(kPanelRows) * format_.columns * format_.bits / 8 + groups() * scales_bytes();
  }
  size_t bytes() const { return panels() * panel_bytes(); }

 protected:
  size_t tile_bytes() const { return size_t(kTileRows) * format_.group_size * format_.bits / 8; }
  size_t scales_bytes() const;  // of a group, with the biases

  MatrixFormat format_;
  int groups_;
};

class PackedMatrix : public PackedLayout {
 public:
  /// From MLX's arrays, row-contiguous: `weight` [rows, columns * bits / 32] words; `scales`, and
  /// `biases` if affine, [rows, columns / group_size].
  /// Groups are 16, 32, 64 or 128 columns.
  PackedMatrix(const MatrixFormat& format, const void* weight, const void* scales,
               const void* biases, ThreadPool& pool);

  ~PackedMatrix();
  PackedMatrix(const PackedMatrix&) = delete;
  PackedMatrix& operator=(const PackedMatrix&) = delete;

  /// Bytes of all that live in this process: MLX's own count does not see them.
  static size_t total_bytes();

  /// Row `row`, dequantized to `out` [columns].
  void read_row(int row, float* out) const;

  const uint8_t* panel(int index) const { return data_.data() + index * panel_bytes(); }

 private:
  void pack_dense(int panel, const uint8_t* weight);
  void pack_groups(int panel, const uint32_t* weight, const void* scales, const void* biases);

  WeightMemory data_;
};

}  // namespace mlxd::kernels::cpu
