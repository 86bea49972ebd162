// Memory of pages of keys and values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlxd::kernels::cpu {

/// Zeros, beginning at a multiple of 64. Pages of one size share blocks of huge pages, where the
/// system has those: attention reads all pages of all sequences in each step, and appending writes
/// to far places of each; in pages of 4 KiB most of that is walking tables. The lowest block with
/// room is filled first, and one that is empty goes back to the system. Any thread. Throws
/// std::bad_alloc.
uint8_t* take_kv_memory(size_t bytes);

/// Gives back what was taken with the same `bytes`.
void return_kv_memory(uint8_t* data, size_t bytes);

/// Gives the system what free places of blocks hold, for as long as they are free. For a time
/// without work: it takes huge pages apart.
void trim_kv_memory();

}  // namespace mlxd::kernels::cpu
