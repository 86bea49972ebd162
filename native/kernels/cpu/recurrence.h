// Linear recurrences: what a layer carries from token to token in place of keys and values. Written
// for the baseline of each architecture: the state's traffic costs more than its arithmetic.
#pragma once

#include <vector>

#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// Each head has a state S [values, keys]. At each token
///   S = decay * S;  d = v, or by the delta rule beta * (v - S k);  S = S + d k^T;  y = S q.
struct RecurrenceShape {
  int heads;
  int key_heads;  // divides heads: that many heads share q and k
  int keys;       // columns of q and k
  int values;     // of v and y

  bool operator==(const RecurrenceShape&) const = default;

  size_t state_size() const { return size_t(heads) * values * keys; }
};

/// Tokens of one sequence; rows lie end to end.
struct RecurrenceRun {
  int tokens;          // at least 1
  const float *q, *k;  // [tokens, key_heads * keys]
  const float* v;      // [tokens, heads * values]
  const float* decay;  // [tokens, heads]
  const float* beta;   // [tokens, heads]; null without the delta rule
  const float* from;   // the state before them, [heads, values, keys]; null is zeros
  float* before_last;  // takes the state before the last token; null if nobody asks
  float* to;           // takes the state after them
  float* y;            // [tokens, heads * values]
};

/// The bits of a row of y, and of a state, depend on the tokens up to there only.
void recur(const RecurrenceShape& shape, const std::vector<RecurrenceRun>& runs, ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
