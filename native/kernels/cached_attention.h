// Rope, append to pages and attention of a step in one operation, in place: no array of keys or
// values is made. The one place that says when that is so:
//   on a CPU, float32                      one operation, this function
//   anything else, or if settings.h says   arrays and MLX's operations, as nn/ spells them out
// Engine thread only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernels/attention.h"
#include "kernels/cpu/kv_page.h"

namespace mlxd::kernels {

using cpu::kPagePositions;
using cpu::KvFormat;
using cpu::KvPage;
using cpu::KvTable;

/// Whether q, k and v of `type` are given to `cached_attention` by this thread.
bool can_attend_in_place(mx::Dtype type);

/// How pages hold keys and values, by the settings of this thread: in as few bits as asked for,
/// else in float32 at Precision::exact and in float16 (see cpu::KvType). Throws
/// std::invalid_argument for heads that cannot be kept in so few.
KvFormat kv_format(int kv_heads, int head_dim);

/// `length` tokens of a sequence from position `offset` on, and the pages of all that it has.
struct CachedSpan {
  int length;
  int offset;
  std::shared_ptr<const KvTable> table;
  std::shared_ptr<const KvPage> copied;  // contents of the page of `offset`, unless it has them

  bool operator==(const CachedSpan&) const = default;
};

/// The same as a node of a graph takes it.
struct CachedSegment : CachedSpan {
  std::optional<mx::array> appended;  // what the append before this one returned
};

struct CachedAttention {
  mx::array output;                     // [T, heads * dim]
  std::shared_ptr<mx::array> appended;  // evaluated when the pages hold the new positions
};

/// q [T, heads * dim], k and v [T, kv_heads * dim] float32, T the sum of the segments' lengths. A
/// result has the same bits whatever else is in the step.
CachedAttention cached_attention(const mx::array& q, const mx::array& k, const mx::array& v,
                                 const std::vector<CachedSegment>& segments, const KvFormat& format,
                                 const Rope& rope, const AttentionOptions& options);

}  // namespace mlxd::kernels
