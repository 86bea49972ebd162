// Causal attention in float32 of several sequences to their pages, and appending to those.
#pragma once

#include <span>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kv_page.h"
#include "kernels/cpu/rope.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

struct Attention {
  KvFormat format;     // of the pages
  int heads;           // a multiple of format.kv_heads: as many query heads share a key head
  int window;          // how many positions a query sees, itself included; 0 is all
  float scale;         // of scores, before softmax
  float cap;           // scores become cap * tanh(score / cap); 0 is none
  const float* sinks;  // [heads], logits that join each softmax without a value; null is none
};

/// The next `length` positions of one sequence, from `offset` on, whose pages have room for them.
struct AttentionSpan {
  int length;
  int offset;
  const KvTable* table;
};

/// Rows of `columns` floats that lie together; T is the sum of the spans' lengths.
struct AttentionRows {
  const float* data;
  size_t stride;

  const float* row(int index) const { return data + index * stride; }
};

/// Rotates q [T, heads * dim] into `rotated`, k [T, kv_heads * dim] into the pages, and copies v
/// there.
void append(const Attention& attention, Rope& rope, const AttentionRows& q, const AttentionRows& k,
            const AttentionRows& v, std::span<const AttentionSpan> spans, float* rotated, Isa isa,
            ThreadPool& pool);

/// softmax(scale * q k^T) v of rotated q [T, heads * dim] -> out, the same shape. The bits of a
/// query's result depend on that query and on the keys and values that it sees, and on nothing
/// else.
void attend(const Attention& attention, const float* q, std::span<const AttentionSpan> spans,
            float* out, Isa isa, ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
