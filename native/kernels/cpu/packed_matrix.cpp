#include "kernels/cpu/packed_matrix.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mlxd::kernels::cpu {
namespace {

constexpr size_t kVector = 64;
constexpr size_t kLane = 4;
constexpr size_t kHugePage = size_t(2) << 20;

std::atomic<size_t> live_bytes{0};

uint8_t* allocate(size_t bytes) {
  bool huge = bytes >= 4 * kHugePage;
  void* data = nullptr;
  if (posix_memalign(&data, huge ? kHugePage : kVector, bytes) != 0) throw std::bad_alloc();
#if defined(__linux__)
  // A hint: huge pages save a large matrix the page walks, one every 4 KiB.
  if (huge) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<uint8_t*>(data);
}

// Four 4-bit values, one in each byte.
uint32_t spread_halves(uint32_t values) {
  values = (values | values << 8) & 0x00ff00ff;
  return (values | values << 4) & 0x0f0f0f0f;
}

// A word of MLX's packed weights as a lane of a tile.
uint32_t pack_word(uint32_t word, int bits) {
  return bits == 8 ? word : spread_halves(word & 0xffff) | spread_halves(word >> 16) << 4;
}

}  // namespace

bool can_pack(const QuantizedFormat& format) {
  return (format.bits == 4 || format.bits == 8) &&
         (format.group_size == 32 || format.group_size == 64 || format.group_size == 128);
}

void PackedMatrix::Free::operator()(uint8_t* data) const { std::free(data); }

PackedMatrix::PackedMatrix(const QuantizedFormat& format, const uint32_t* weight,
                           const void* scales, const void* biases, ThreadPool& pool)
    : format_(format), data_(allocate(bytes())) {
  live_bytes += bytes();
  pool.run(panels(), [&](int panel) { pack_panel(panel, weight, scales, biases); });
}

PackedMatrix::~PackedMatrix() { live_bytes -= bytes(); }

size_t PackedMatrix::total_bytes() { return live_bytes; }

void PackedMatrix::pack_panel(int panel, const uint32_t* weight, const void* scales,
                              const void* biases) {
  uint8_t* out = data_.get() + panel * panel_bytes();
  std::memset(out, 0, panel_bytes());
  const int width = scale_bytes(format_.scale_type);
  const int words = format_.group_size * format_.bits / 32;
  for (int r = 0; r < kPanelRows && panel * kPanelRows + r < format_.rows; ++r) {
    for (int group = 0; group < groups(); ++group) {
      const size_t source = (size_t(panel) * kPanelRows + r) * groups() + group;
      uint8_t* block = out + group * group_bytes();
      uint8_t* tile = block + r / kTileRows * tile_bytes() + r % kTileRows * kLane;
      for (int j = 0; j < words; ++j) {
        uint32_t lane = pack_word(weight[source * words + j], format_.bits);
        std::memcpy(tile + j * kVector, &lane, kLane);
      }
      uint8_t* block_scales = block + 2 * tile_bytes() + r * width;
      uint8_t* block_biases = block_scales + kPanelRows * width;
      std::memcpy(block_scales, static_cast<const uint8_t*>(scales) + source * width, width);
      std::memcpy(block_biases, static_cast<const uint8_t*>(biases) + source * width, width);
    }
  }
}

void PackedMatrix::read_row(int row, float* out) const {
  const uint8_t* block = panel(row / kPanelRows);
  const int r = row % kPanelRows;
  const int words = format_.group_size * format_.bits / 32;
  for (int group = 0; group < groups(); ++group, block += group_bytes()) {
    const uint8_t* scales = block + 2 * tile_bytes();
    const uint8_t* biases = scales + kPanelRows * scale_bytes(format_.scale_type);
    const float scale = read_scale(scales, format_.scale_type, r);
    const float bias = read_scale(biases, format_.scale_type, r);
    const uint8_t* tile = block + r / kTileRows * tile_bytes() + r % kTileRows * kLane;
    for (int j = 0; j < words; ++j, out += 32 / format_.bits) {
      for (int i = 0; i < 4; ++i) {
        const uint8_t byte = tile[j * kVector + i];
        out[i] = scale * static_cast<float>(format_.bits == 8 ? byte : byte & 0xf) + bias;
        if (format_.bits == 4) out[4 + i] = scale * static_cast<float>(byte >> 4) + bias;
      }
    }
  }
}

}  // namespace mlxd::kernels::cpu
