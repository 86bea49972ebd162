#include "kernels/cpu/recurrence.h"

#include <algorithm>
#include <cstring>

namespace mlxd::kernels::cpu {
namespace {

constexpr int kRows = 16;  // of a head's state that a thread takes together

typedef float Four __attribute__((vector_size(16)));
constexpr int kFours = 4;
constexpr int kLanes = 4 * kFours;

// Sixteen running sums, and one of what is left of a row.
struct Sum {
  Four lanes[kFours] = {};
  float rest = 0;

  float total() const {
    const Four all = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    return ((all[0] + all[2]) + (all[1] + all[3])) + rest;
  }
};

// Calls each(i, j) for runs of four floats from i on, the sum's lane j; then rest(i) for single
// ones.
template <class Each, class Rest>
inline void over_row(int width, const Each& each, const Rest& rest) {
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (int j = 0; j < kFours; ++j) each(i + 4 * j, j);
  }
  for (; i < width; ++i) rest(i);
}

inline Four load(const float* from) {
  Four four;
  std::memcpy(&four, from, sizeof(four));
  return four;
}

inline void store(Four four, float* to) { std::memcpy(to, &four, sizeof(four)); }

// row *= decay; returns row . k.
float decayed_product(float* row, float decay, const float* k, int width) {
  Sum sum;
  over_row(
      width,
      [&](int i, int j) {
        const Four next = load(row + i) * decay;
        store(next, row + i);
        sum.lanes[j] += next * load(k + i);
      },
      [&](int i) {
        row[i] *= decay;
        sum.rest += row[i] * k[i];
      });
  return sum.total();
}

// row = row * decay + d * k; returns row . q.
float updated_product(float* row, float decay, float d, const float* k, const float* q, int width) {
  Sum sum;
  over_row(
      width,
      [&](int i, int j) {
        const Four next = load(row + i) * decay + load(k + i) * d;
        store(next, row + i);
        sum.lanes[j] += next * load(q + i);
      },
      [&](int i) {
        row[i] = row[i] * decay + k[i] * d;
        sum.rest += row[i] * q[i];
      });
  return sum.total();
}

// One row of a head's state through all tokens.
void recur_row(const RecurrenceShape& s, const RecurrenceRun& run, int head, int value) {
  const int width = s.keys;
  const size_t key_stride = size_t(s.key_heads) * width, value_stride = size_t(s.heads) * s.values;
  const size_t place = (size_t(head) * s.values + value) * width;
  const size_t key = size_t(head / (s.heads / s.key_heads)) * width;
  float* row = run.to + place;
  if (run.from) {
    std::copy_n(run.from + place, width, row);
  } else {
    std::fill_n(row, width, 0.0f);
  }
  for (int t = 0; t < run.tokens; ++t) {
    if (run.before_last && t == run.tokens - 1) std::copy_n(row, width, run.before_last + place);
    const float* k = run.k + t * key_stride + key;
    const float* q = run.q + t * key_stride + key;
    const size_t at = t * value_stride + size_t(head) * s.values + value;
    float decay = run.decay[size_t(t) * s.heads + head], d = run.v[at];
    if (run.beta) {
      d = run.beta[size_t(t) * s.heads + head] * (d - decayed_product(row, decay, k, width));
      decay = 1;
    }
    run.y[at] = updated_product(row, decay, d, k, q, width);
  }
}

}  // namespace

void recur(const RecurrenceShape& s, const std::vector<RecurrenceRun>& runs, ThreadPool& pool) {
  const int blocks = (s.values + kRows - 1) / kRows, parts = s.heads * blocks;
  pool.run(static_cast<int>(runs.size()) * parts, [&](int chunk) {
    const int head = chunk % parts / blocks, first = chunk % blocks * kRows;
    for (int value = first; value < std::min(s.values, first + kRows); ++value) {
      recur_row(s, runs[chunk / parts], head, value);
    }
  });
}

}  // namespace mlxd::kernels::cpu
