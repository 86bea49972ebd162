#include "kernels/cpu/tile.h"

#include <cstring>

namespace mlxd::kernels::cpu {
namespace {

constexpr size_t kVectorBytes = 64;
constexpr uint32_t kEachByte = 0x01010101;

uint32_t ones(int bits) { return (1u << bits) - 1; }

// A weight's low bits and its high bits lie in planes of their own, so that both have a width that
// divides 8. A block is the least run of columns that fills whole lanes.
class Planes {
 public:
  explicit Planes(int bits)
      : bits_(bits),
        low_(bits == 8   ? 8
             : bits >= 4 ? 4
                         : 2),
        high_(bits - low_) {}

  int quads() const { return 8 / (high_ ? high_ : low_); }
  int columns() const { return 4 * quads(); }
  int lanes() const { return quads() * bits_ / 8; }

  // Adds quad `quad`, one weight a byte, to the lanes of its block.
  void add(uint32_t weights, int quad, uint32_t* lanes) const {
    const int per_lane = 8 / low_;
    lanes[quad / per_lane] |= (weights & kEachByte * ones(low_)) << quad % per_lane * low_;
    if (high_)
      lanes[this->lanes() - 1] |= (weights >> low_ & kEachByte * ones(high_)) << quad * high_;
  }

  uint32_t get(int quad, const uint32_t* lanes) const {
    const int per_lane = 8 / low_;
    uint32_t weights = lanes[quad / per_lane] >> quad % per_lane * low_ & kEachByte * ones(low_);
    if (high_) {
      weights |= (lanes[this->lanes() - 1] >> quad * high_ & kEachByte * ones(high_)) << low_;
    }
    return weights;
  }

 private:
  int bits_, low_, high_;
};

constexpr int kMostLanes = 5;  // of a block

// Weights 4 * index .. 4 * index + 3, a byte each.
uint32_t read_quad(const uint32_t* words, int index, int bits) {
  const size_t first = size_t(index) * 4 * bits;
  const uint32_t* word = words + first / 32;
  const int shift = static_cast<int>(first % 32);
  uint64_t packed = *word >> shift;
  if (shift + 4 * bits > 32) packed |= uint64_t(word[1]) << (32 - shift);
  uint32_t quad = 0;
  for (int i = 0; i < 4; ++i) quad |= (packed >> i * bits & ones(bits)) << 8 * i;
  return quad;
}

}  // namespace

void pack_lanes(const uint32_t* words, int count, int bits, uint8_t* lane) {
  const Planes planes(bits);
  for (int column = 0; column < count; column += planes.columns()) {
    uint32_t lanes[kMostLanes] = {};
    for (int q = 0; q < planes.quads(); ++q) {
      planes.add(read_quad(words, column / 4 + q, bits), q, lanes);
    }
    for (int i = 0; i < planes.lanes(); ++i, lane += kVectorBytes) {
      std::memcpy(lane, &lanes[i], sizeof(lanes[i]));
    }
  }
}

void read_lanes(const uint8_t* lane, int count, int bits, uint8_t* values) {
  const Planes planes(bits);
  for (int column = 0; column < count; column += planes.columns()) {
    uint32_t lanes[kMostLanes];
    for (int i = 0; i < planes.lanes(); ++i, lane += kVectorBytes) {
      std::memcpy(&lanes[i], lane, sizeof(lanes[i]));
    }
    for (int q = 0; q < planes.quads(); ++q) {
      const uint32_t quad = planes.get(q, lanes);
      for (int i = 0; i < 4; ++i) *values++ = static_cast<uint8_t>(quad >> 8 * i);
    }
  }
}

}  // namespace mlxd::kernels::cpu
