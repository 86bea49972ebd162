#include "kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

// Scratch for the partial results of one pass over queries.
constexpr size_t kScratchBytes = size_t(4) << 20;

// Joins the results of two runs of keys, as AttendSplit writes them, into the first.
void join(float* a, const float* b, int dim) {
  const float maximum = std::max(a[dim], b[dim]);
  const float weight_a = std::exp(a[dim] - maximum), weight_b = std::exp(b[dim] - maximum);
  for (int d = 0; d < dim; ++d) a[d] = a[d] * weight_a + b[d] * weight_b;
  a[dim] = maximum;
  a[dim + 1] = a[dim + 1] * weight_a + b[dim + 1] * weight_b;
}

// The work of some consecutive queries, cut for the pool: a unit is one query, one key head and one
// run of keys. Runs are counted from the first key that a query sees, so that a query's runs are
// the same whatever lies around it.
class Pass {
 public:
  Pass(const Attention& attention, int first, int count)
      : a_(attention),
        first_(first),
        count_(count),
        runs_((keys_of(first + count - 1) + kSplitKeys - 1) / kSplitKeys),
        partial_(
            std::make_unique_for_overwrite<float[]>(size_t(count) * a_.heads * runs_ * width())) {}

  int units() const { return count_ * a_.kv_heads * runs_; }

  void attend_unit(int unit, AttendSplit attend_split) {
    const int run = unit % runs_, kv_head = unit / runs_ % a_.kv_heads;
    const int query = first_ + unit / runs_ / a_.kv_heads;
    const int keys = keys_of(query);
    if (run * kSplitKeys >= keys) return;
    const int group = a_.heads / a_.kv_heads, head = kv_head * group;
    const ptrdiff_t key = position_of(query) + 1 - keys + run * kSplitKeys;
    auto at = [](const Heads& heads, ptrdiff_t head, ptrdiff_t row) {
      return heads.data + head * heads.head_stride + row * heads.row_stride;
    };
    attend_split({.q = at(a_.q, head, query),
                  .q_stride = a_.q.head_stride,
                  .heads = group,
                  .dim = a_.dim,
                  .keys = at(a_.keys, kv_head, key),
                  .key_stride = a_.keys.row_stride,
                  .values = at(a_.values, kv_head, key),
                  .value_stride = a_.values.row_stride,
                  .count = std::min(kSplitKeys, keys - run * kSplitKeys),
                  .scale = a_.scale,
                  .out = partial(query, head, run),
                  .out_stride = ptrdiff_t(runs_) * width()});
  }

  void finish(int query, float* out) {
    const int runs = (keys_of(query) + kSplitKeys - 1) / kSplitKeys;
    for (int head = 0; head < a_.heads; ++head, out += a_.dim) {
      float* total = partial(query, head, 0);
      for (int run = 1; run < runs; ++run) join(total, partial(query, head, run), a_.dim);
      for (int d = 0; d < a_.dim; ++d) out[d] = total[d] / total[a_.dim + 1];
    }
  }

 private:
  int width() const { return a_.dim + 2; }
  int position_of(int query) const { return a_.positions - a_.queries + query; }
  int keys_of(int query) const {
    const int seen = position_of(query) + 1;
    return a_.window > 0 ? std::min(seen, a_.window) : seen;
  }
  float* partial(int query, int head, int run) {
    return &partial_[((size_t(query - first_) * a_.heads + head) * runs_ + run) * width()];
  }

  const Attention& a_;
  int first_, count_, runs_;
  std::unique_ptr<float[]> partial_;  // [count, heads, runs, dim + 2]
};

}  // namespace

void attend(const Attention& a, float* out, Isa isa, ThreadPool& pool) {
  const AttendSplit attend_split = kernel_table(isa).attend_split;
  const size_t runs = (a.positions + kSplitKeys - 1) / kSplitKeys;
  const size_t query_bytes = sizeof(float) * a.heads * runs * (a.dim + 2);
  const int queries = std::max(1, static_cast<int>(kScratchBytes / query_bytes));
  for (int first = 0; first < a.queries; first += queries) {
    const int count = std::min(queries, a.queries - first);
    Pass pass(a, first, count);
    pool.run(pass.units(), [&](int unit) { pass.attend_unit(unit, attend_split); });
    pool.run(count,
             [&](int i) { pass.finish(first + i, out + size_t(first + i) * a.heads * a.dim); });
  }
}

}  // namespace mlxd::kernels::cpu
