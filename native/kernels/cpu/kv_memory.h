// Memory of pages of keys and values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlxd::kernels::cpu {

/// Zeros, beginning at a multiple of 64. Pages of one size share blocks of huge pages, where the
/// system has those: attention reads all pages of all sequences in each step, and appending writes
/// to far places of each; in pages of 4 KiB most of that is walking tables. Older blocks with
/// room are filled first. Any thread. Throws std::bad_alloc.
uint8_t* take_kv_memory(size_t bytes);

/// Gives back what was taken with the same `bytes`: for the next who takes.
void return_kv_memory(uint8_t* data, size_t bytes);

/// Gives the system blocks that are empty, and what others hold beside the pages taken, until a
/// place of theirs is taken again. For a time without work: it takes huge pages apart, and the
/// system takes long to make new ones.
void trim_kv_memory();

}  // namespace mlxd::kernels::cpu
