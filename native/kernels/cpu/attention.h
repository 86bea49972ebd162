// Causal attention of one sequence, in float32, reading keys and values where they lie.
#pragma once

#include <cstddef>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// [heads, rows, dim] in memory; the columns of a row lie together.
struct Heads {
  const float* data;
  ptrdiff_t head_stride;
  ptrdiff_t row_stride;
};

struct Attention {
  Heads q;       // [heads, queries, dim]
  Heads keys;    // [kv_heads, positions, dim]
  Heads values;  // the same
  int heads;
  int kv_heads;  // divides heads
  int dim;       // a multiple of 16
  int queries;   // the last ones of `positions`
  int positions;
  int window;   // how many positions a query sees, itself included; 0 is all
  float scale;  // of scores, before softmax
};

/// softmax(scale * q k^T) v -> out [queries, heads * dim]. The bits of a query's result depend on
/// that query and on the keys and values that it sees, and on nothing else.
void attend(const Attention& attention, float* out, Isa isa, ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
