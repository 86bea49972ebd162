// Where the integers of one row of a tile lie in memory (see packed_matrix.h). Packs and reads them
// for weights of 2, 3, 4, 5, 6 and 8 bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlxd::kernels::cpu {

/// A row's words in MLX's layout: `count` integers of `bits` bits one after another, lowest bits
/// first -> the row's lanes of a tile. `lane` is the first of them. Count is a multiple of 32, or
/// of 16 where bits are 4 or 8.
void pack_lanes(const uint32_t* words, int count, int bits, uint8_t* lane);

/// The inverse: `count` integers from a row's lanes.
void read_lanes(const uint8_t* lane, int count, int bits, uint8_t* values);

}  // namespace mlxd::kernels::cpu
