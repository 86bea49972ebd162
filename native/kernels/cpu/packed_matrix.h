// A quantized weight matrix in the layout that our kernels read: made once at load, then constant
// and shared by threads.
//
// Panels of 32 output rows lie one after another, the last filled up with zero rows. A panel is a
// sequence of groups, in the order of columns, so that a kernel reads memory straight on. One group
// of a panel:
//   tile 0 (rows 0..15), tile 1 (rows 16..31), 32 scales, 32 biases.
// A tile is a sequence of 64-byte vectors, and each 4-byte lane of a vector is one word of MLX's
// layout of one row:
//   8 bits: vector j holds columns 4j .. 4j+3, a byte each
//   4 bits: vector j holds columns 8j .. 8j+3 in its bytes' low halves, 8j+4 .. 8j+7 in the high
// One layout serves float kernels (a shift and a mask bring one column of 16 rows) and integer dot
// products (4 columns at once).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/cpu/scale_type.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// Affine quantization of a matrix [rows, columns]: w = scale * q + bias, q of `bits` bits,
/// `group_size` columns a group.
struct QuantizedFormat {
  int rows;
  int columns;
  int group_size;
  int bits;
  ScaleType scale_type;
};

/// Whether a PackedMatrix can hold it: 4 or 8 bits, groups of 32, 64 or 128.
bool can_pack(const QuantizedFormat& format);

class PackedMatrix {
 public:
  static constexpr int kPanelRows = 32;
  static constexpr int kTileRows = 16;

  /// From MLX's arrays, row-contiguous: `weight` [rows, columns * bits / 32], `scales` and `biases`
  /// [rows, columns / group_size]. The format must satisfy can_pack.
  PackedMatrix(const QuantizedFormat& format, const uint32_t* weight, const void* scales,
               const void* biases, ThreadPool& pool);

  ~PackedMatrix();
  PackedMatrix(const PackedMatrix&) = delete;
  PackedMatrix& operator=(const PackedMatrix&) = delete;

  /// Bytes of all that live in this process: MLX's own count does not see them.
  static size_t total_bytes();

  /// Row `row`, dequantized to `out` [columns].
  void read_row(int row, float* out) const;

  const QuantizedFormat& format() const { return format_; }
  int groups() const { return format_.columns / format_.group_size; }
  int panels() const { return (format_.rows + kPanelRows - 1) / kPanelRows; }
  const uint8_t* panel(int index) const { return data_.get() + index * panel_bytes(); }
  size_t tile_bytes() const { return size_t(kTileRows) * format_.group_size * format_.bits / 8; }
  size_t group_bytes() const {
    return 2 * tile_bytes() + 2 * size_t(kPanelRows) * scale_bytes(format_.scale_type);
  }
  size_t panel_bytes() const { return groups() * group_bytes(); }
  size_t bytes() const { return panels() * panel_bytes(); }

 private:
  void pack_panel(int panel, const uint32_t* weight, const void* scales, const void* biases);

  struct Free {
    void operator()(uint8_t* data) const;
  };

  QuantizedFormat format_;
  std::unique_ptr<uint8_t[], Free> data_;
};

}  // namespace mlxd::kernels::cpu
