// Rope, append to caches and attention of a step in one operation, in place: no array of keys or
// values is made. The one place that says when that is so:
//   on a CPU, float32, heads of a multiple of 16    one operation, this function
//   anything else, and on a GPU                     the composition that nn/ spells out
// Results have the bits of the composition. Engine thread only.
#pragma once

#include <vector>

#include "kernels/attention.h"

namespace mlxd::kernels {

/// `length` tokens from position `offset` on, and the buffers [1, kv_heads, capacity, dim] of their
/// sequence. They are written to [end - length, end) and see [first, end).
struct CachedSegment {
  int length;
  int offset;
  mx::array keys, values;
  int first, end;
};

/// Whether q can be given to `cached_attention`.
bool can_attend_in_place(const mx::array& q, const Rope& rope);

/// q [T, heads * dim], k and v [T, kv_heads * dim], T the sum of the segments' lengths. Returns
/// [T, heads * dim], then keys and values of each segment: the memory of the given ones, which must
/// not be read as they were.
std::vector<mx::array> cached_attention(const mx::array& q, const mx::array& k, const mx::array& v,
                                        const std::vector<CachedSegment>& segments,
                                        const Rope& rope, float scale, std::optional<int> window);

}  // namespace mlxd::kernels
