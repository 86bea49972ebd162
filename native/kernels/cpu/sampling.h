// A token from a row of logits, by the rules of docs/decisions/0004-sampling.md. Nothing sorts the
// vocabulary. The same bits on every instruction set; memory of a thread's own is kept between
// calls.
#pragma once

#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// How one token is drawn. Each rule is off by default.
struct DrawRules {
  float temperature = 1;  // >= 1e-6
  int top_k = 0;
  float top_p = 1;
  float min_p = 0;
  float typical_p = 1;
  float xtc_threshold = 2;  // above 1: no token is so probable
  float uniform = 0;        // in [0, 1): the token's random number

  bool leaves_out() const {
    return top_k > 0 || top_p < 1 || min_p > 0 || typical_p < 1 || xtc_threshold <= 1;
  }
};

/// The token drawn from logits [vocab]. A row whose best logit is not finite gives that token.
int draw_token(const float* logits, int vocab, const DrawRules& rules, Isa isa);

/// The first of the largest of x [count]; 0 if all are NaN.
int arg_max(const float* x, int count, Isa isa);

/// The same, shared among threads.
int arg_max(const float* x, int count, Isa isa, ThreadPool& pool);

/// ln(sum of e^x), to float32's precision.
double log_sum_exp(const float* x, int count, Isa isa);

struct Best {
  int index;
  float value;
};

/// The `k` (1 .. count) largest of x [count], descending, equal ones by their index. NaN and -inf
/// are none of them: there may be fewer.
std::vector<Best> best_of(const float* x, int count, int k);

}  // namespace mlxd::kernels::cpu
