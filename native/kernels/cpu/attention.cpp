#include "kernels/cpu/attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

// Queries of one sequence that a thread takes through pages together.
constexpr int kBlockQueries = 16;

// Above this, pages of a block of queries follow each other on one thread instead of keeping what
// each of them gave.
constexpr size_t kApartBytes = size_t(32) << 20;

constexpr size_t kLineBytes = 64;

// Some queries and one key head, through some pages.
struct Unit {
  int part, kv_head;
  int query, queries;  // of the part's span
  int page, end_page;
  int result;  // those of the same queries and key head have the same
};

// A span with its place among the rows and in the states.
struct Part {
  AttentionSpan span;
  int row;
  int slots;     // states that each head of a query has
  float* state;  // [length, heads, slots]
};

// The work of one step, cut for the pool. Where a sequence has few queries its pages are apart, and
// joined in order afterwards; where it has many, blocks of them are, and each joins its pages as it
// goes. The bits are the same.
class Work {
 public:
  Work(const Attention& attention, const float* q, std::span<const AttentionSpan> spans)
      : a_(attention),
        q_(q),
        group_(a_.heads / a_.format.kv_heads),
        value_width_(a_.format.value_width()),
        width_(AttentionState::width(value_width_)) {
    size_t states = 0;
    int row = 0;
    for (const AttentionSpan& span : spans) {
      const int pages = end_page(span, span.length - 1) - first_page(span, 0);
      const bool apart =
          span.length <= kBlockQueries && heads_of(span) * pages * width_ * 4 <= kApartBytes;
      parts_.push_back({span, row, apart ? pages : 1, nullptr});
      add_units(static_cast<int>(parts_.size()) - 1);
      states += heads_of(span) * parts_.back().slots * width_;
      row += span.length;
    }
    left_ = std::make_unique<std::atomic<int>[]>(results_);
    for (const Unit& unit : units_) left_[unit.result].fetch_add(1, std::memory_order_relaxed);
    states_ = std::make_unique_for_overwrite<float[]>(states);
    float* state = states_.get();
    for (Part& part : parts_) {
      part.state = state;
      state += heads_of(part.span) * part.slots * width_;
    }
  }

  int units() const { return static_cast<int>(units_.size()); }

  /// Takes a unit through its pages. Whoever does the last one of a result joins them.
  void attend(int index, const KernelTable& kernels, float* out) {
    const Unit& unit = units_[index];
    if (index + 1 < units()) ask_for(units_[index + 1], unit);
    for (int page = unit.page; page < unit.end_page; ++page) {
      kernels.attend_page[static_cast<int>(a_.format.type)](args_of(unit, page));
    }
    if (left_[unit.result].fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    for (int query = unit.query; query < unit.query + unit.queries; ++query) {
      finish(parts_[unit.part], query, unit.kv_head, out, kernels.join_pages);
    }
  }

 private:
  // Asks for the first keys of a unit that this thread likely takes next. All further ones the
  // kernel asks for, also those of the next head of a page.
  void ask_for(const Unit& next, const Unit& before) const {
    const bool follows = next.part == before.part && next.page == before.page;
    if (follows || next.queries > 1) return;
    const AttentionSpan& span = parts_[next.part].span;
    const int seen = span.offset + next.query + 1 - next.page * kPagePositions;
    const int blocks = (std::min(seen, kPagePositions) + kBlockKeys - 1) / kBlockKeys;
    const uint8_t* keys = span.table->page(next.page)->keys(next.kv_head);
    const size_t bytes = size_t(blocks) * kBlockKeys * a_.format.dim * a_.format.bits() / 8;
    for (size_t i = 0; i < bytes; i += kLineBytes) __builtin_prefetch(keys + i, 0, 2);
  }

  // One key head's heads of one query, its pages in their order.
  void finish(const Part& part, int query, int kv_head, float* out, JoinPages join) const {
    const int origin = first_page(part.span, 0);
    const int begin = part.slots == 1 ? 0 : first_page(part.span, query) - origin;
    const int end = part.slots == 1 ? 1 : end_page(part.span, query) - origin;
    for (int head = kv_head * group_; head < (kv_head + 1) * group_; ++head) {
      float* total = state(part, query, head, begin);
      for (int slot = begin + 1; slot < end; ++slot) {
        join(total, state(part, query, head, slot), value_width_);
      }
      write(total, head, out + (size_t(part.row + query) * a_.heads + head) * a_.format.dim);
    }
  }

  size_t heads_of(const AttentionSpan& span) const { return size_t(span.length) * a_.heads; }
  int first_page(const AttentionSpan& span, int query) const {
    return a_.window > 0 ? std::max(0, span.offset + query + 1 - a_.window) / kPagePositions : 0;
  }
  int end_page(const AttentionSpan& span, int query) const {
    return (span.offset + query) / kPagePositions + 1;
  }
  float* state(const Part& part, int query, int head, int slot) const {
    return part.state + ((size_t(query) * a_.heads + head) * part.slots + slot) * width_;
  }

  PageArgs args_of(const Unit& unit, int page) const {
    const Part& part = parts_[unit.part];
    const KvPage& data = *part.span.table->page(page);
    const int head = unit.kv_head * group_, dim = a_.format.dim;
    const int slot = part.slots == 1 ? 0 : page - first_page(part.span, 0);
    return {.q = q_ + (size_t(part.row + unit.query) * a_.heads + head) * dim,
            .query_stride = ptrdiff_t(a_.heads) * dim,
            .queries = unit.queries,
            .heads = group_,
            .dim = dim,
            .keys = data.keys(unit.kv_head),
            .values = data.values(unit.kv_head),
            .first = page * kPagePositions,
            .position = part.span.offset + unit.query,
            .window = a_.window,
            .scale = a_.scale,
            .cap = a_.cap,
            .states = state(part, unit.query, head, slot),
            .query_states = ptrdiff_t(a_.heads) * part.slots * width_,
            .head_states = ptrdiff_t(part.slots) * width_,
            .joins = part.slots == 1};
  }

  // Later queries see more: they come first, so that no thread is left with a long end.
  void add_units(int index) {
    const Part& part = parts_[index];
    const AttentionSpan& span = part.span;
    const int blocks = (span.length + kBlockQueries - 1) / kBlockQueries;
    for (int block = blocks - 1; block >= 0; --block) {
      const int query = block * kBlockQueries;
      const int queries = std::min(kBlockQueries, span.length - query);
      const int begin = first_page(span, query), end = end_page(span, query + queries - 1);
      // Pages that are apart are read as they lie in memory, the heads of one after each other.
      const int pages_a_unit = part.slots == 1 ? end - begin : 1;
      for (int page = begin; page < end; page += pages_a_unit) {
        for (int kv_head = 0; kv_head < a_.format.kv_heads; ++kv_head) {
          units_.push_back(
              {index, kv_head, query, queries, page, page + pages_a_unit, results_ + kv_head});
        }
      }
      results_ += a_.format.kv_heads;
    }
  }

  void write(const float* total, int head, float* out) const {
    float sum = total[value_width_ + 1], weight = 1;
    if (a_.sinks) {
      const float maximum = std::max(total[value_width_], a_.sinks[head]);
      weight = std::exp(total[value_width_] - maximum);
      sum = sum * weight + std::exp(a_.sinks[head] - maximum);
    }
    for (int d = 0; d < a_.format.dim; ++d) out[d] = total[d] * weight / sum;
  }

  const Attention& a_;
  const float* q_;
  int group_, value_width_, width_;
  std::vector<Part> parts_;
  std::vector<Unit> units_;
  int results_ = 0;
  std::unique_ptr<std::atomic<int>[]> left_;  // of each result, units to be done
  std::unique_ptr<float[]> states_;
};

}  // namespace

void attend(const Attention& a, const float* q, std::span<const AttentionSpan> spans, float* out,
            Isa isa, ThreadPool& pool) {
  const KernelTable& kernels = kernel_table(isa);
  Work work(a, q, spans);
  pool.run(work.units(), [&](int unit) { work.attend(unit, kernels, out); });
}

}  // namespace mlxd::kernels::cpu
