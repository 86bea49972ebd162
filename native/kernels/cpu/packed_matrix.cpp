#include "kernels/cpu/packed_matrix.h"

#include <atomic>
#include <cstring>

#include "kernels/cpu/tile.h"

namespace mlxd::kernels::cpu {
namespace {

constexpr size_t kLane = 4;

std::atomic<size_t> live_bytes{0};

// What a weight's bits stand for, before its scale.
float decode(Encoding encoding, uint8_t bits) {
  if (encoding == Encoding::float4) return e2m1_to_float(bits);
  return encoding == Encoding::float8 ? e4m3_to_float(bits) : static_cast<float>(bits);
}

}  // namespace

PackedMatrix::PackedMatrix(const MatrixFormat& format, const void* weight, const void* scales,
                           const void* biases, ThreadPool& pool)
    : PackedLayout(format), data_(bytes()) {
  live_bytes += bytes();
  pool.run(panels(), [&](int panel) {
    if (format_.encoding == Encoding::dense) {
      pack_dense(panel, static_cast<const uint8_t*>(weight));
    } else {
      pack_groups(panel, static_cast<const uint32_t*>(weight), scales, biases);
    }
  });
}

PackedMatrix::~PackedMatrix() { live_bytes -= bytes(); }

size_t PackedMatrix::total_bytes() { return live_bytes; }

size_t PackedLayout::scales_bytes() const {
  constexpr int kScales[] = {2, 1, 1, 0};  // affine, float4, float8, dense
  return size_t(kPanelRows) * scale_bytes(format_.scale_type) *
         kScales[static_cast<int>(format_.encoding)];
}

void PackedMatrix::pack_dense(int panel, const uint8_t* weight) {
  uint8_t* out = data_.data() + panel * panel_bytes();
  std::memset(out, 0, panel_bytes());
  const size_t width = format_.bits / 8;
  for (int r = 0; r < kPanelRows && panel * kPanelRows + r < format_.rows; ++r) {
    const uint8_t* row = weight + (size_t(panel) * kPanelRows + r) * format_.columns * width;
    for (int c = 0; c < format_.columns; ++c) {
      std::memcpy(out + (size_t(c) * kPanelRows + r) * width, row + c * width, width);
    }
  }
}

void PackedMatrix::pack_groups(int panel, const uint32_t* weight, const void* scales,
                               const void* biases) {
  uint8_t* out = data_.data() + panel * panel_bytes();
  std::memset(out, 0, panel_bytes());
  const int width = scale_bytes(format_.scale_type);
  const int words = format_.group_size * format_.bits / 32;
  for (int r = 0; r < kPanelRows && panel * kPanelRows + r < format_.rows; ++r) {
    for (int group = 0; group < groups(); ++group) {
      const size_t source = (size_t(panel) * kPanelRows + r) * groups() + group;
      uint8_t* block = out + group * group_bytes();
      pack_lanes(weight + source * words, format_.group_size, format_.bits,
                 block + r / kTileRows * tile_bytes() + r % kTileRows * kLane);
      uint8_t* to = block + 2 * tile_bytes() + r * width;
      std::memcpy(to, static_cast<const uint8_t*>(scales) + source * width, width);
      if (format_.encoding != Encoding::affine) continue;
      to += kPanelRows * width;
      std::memcpy(to, static_cast<const uint8_t*>(biases) + source * width, width);
    }
  }
}

void PackedMatrix::read_row(int row, float* out) const {
  const uint8_t* from = panel(row / kPanelRows);
  const int r = row % kPanelRows;
  if (format_.encoding == Encoding::dense) {
    for (int c = 0; c < format_.columns; ++c) {
      out[c] = read_scale(from, format_.scale_type, size_t(c) * kPanelRows + r);
    }
    return;
  }
  uint8_t values[128];  // of a group
  for (int group = 0; group < groups(); ++group, from += group_bytes(), out += format_.group_size) {
    read_lanes(from + r / kTileRows * tile_bytes() + r % kTileRows * kLane, format_.group_size,
               format_.bits, values);
    const uint8_t* scales = from + 2 * tile_bytes();
    const float scale = read_scale(scales, format_.scale_type, r);
    const bool affine = format_.encoding == Encoding::affine;
    const float bias = affine ? read_scale(scales, format_.scale_type, kPanelRows + r) : 0;
    for (int i = 0; i < format_.group_size; ++i) {
      out[i] = scale * decode(format_.encoding, values[i]) + bias;
    }
  }
}

}  // namespace mlxd::kernels::cpu
