#include "kernels/cpu/matmul.h"

#include <algorithm>
#include <memory>
#include <type_traits>

#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

// A block of x stays in a core's second-level cache while panels of weights pass by.
constexpr size_t kBlockBytes = size_t(1) << 20;
// Below this much work a chunk costs more to hand out than to do.
constexpr size_t kChunkBytes = size_t(8) << 10;
constexpr int kChunksPerThread = 8;

int divide_up(int a, int b) { return (a + b - 1) / b; }

// Eight running sums, then theirs: vectorizes, and the order is fixed. `count` is a multiple of 8.
float sum(const float* x, int count) {
  float partial[8] = {};
  for (int i = 0; i < count; i += 8) {
    for (int lane = 0; lane < 8; ++lane) partial[lane] += x[i + lane];
  }
  return ((partial[0] + partial[4]) + (partial[2] + partial[6])) +
         ((partial[1] + partial[5]) + (partial[3] + partial[7]));
}

// Storage of PreparedRows.
template <class X>
struct Prepared {
  PreparedRows<X> rows;
  std::unique_ptr<X[]> values;
  std::unique_ptr<float[]> scales, sums;
};

template <class X>
Prepared<X> prepare(const PackedMatrix& w, const Rows& x, const PanelKernels<X>& kernels,
                    ThreadPool& pool) {
  const int groups = w.groups(), size = w.format().group_size, columns = w.format().columns;
  Prepared<X> to;
  to.sums = std::make_unique_for_overwrite<float[]>(size_t(x.count) * groups);
  if constexpr (std::is_same_v<X, float>) {
    to.rows = {x.data, x.stride, nullptr, to.sums.get()};
  } else {
    to.values = std::make_unique_for_overwrite<X[]>(size_t(x.count) * columns);
    to.scales = std::make_unique_for_overwrite<float[]>(size_t(x.count) * groups);
    to.rows = {to.values.get(), size_t(columns), to.scales.get(), to.sums.get()};
  }
  constexpr int kRowsPerChunk = 8;
  pool.run(divide_up(x.count, kRowsPerChunk), [&](int chunk) {
    const int end = std::min(x.count, (chunk + 1) * kRowsPerChunk);
    for (int r = chunk * kRowsPerChunk; r < end; ++r) {
      const float* from = x.data + r * x.stride;
      const size_t at = size_t(r) * groups;
      if constexpr (std::is_same_v<X, float>) {
        for (int g = 0; g < groups; ++g) to.sums[at + g] = sum(from + size_t(g) * size, size);
      } else {
        kernels.quantize(from, groups, size, &to.values[size_t(r) * columns], &to.scales[at],
                         &to.sums[at]);
      }
    }
  });
  return to;
}

class Plan {
 public:
  Plan(const PackedMatrix& w, int rows, size_t element_bytes, int max_rows, int threads)
      : rows_(rows) {
    // Equal steps: 16 rows go through a kernel for 12 as 8 + 8, not 12 + 4.
    step_ = divide_up(rows, divide_up(rows, max_rows));
    const size_t row_bytes = element_bytes * w.format().columns;
    block_ = std::max(1, static_cast<int>(kBlockBytes / (row_bytes * step_))) * step_;
    blocks_ = divide_up(rows, block_);
    panels_ = w.panels();
    const size_t chunk_bytes = w.panel_bytes() * std::min(rows, block_);
    const int smallest = divide_up(static_cast<int>(kChunkBytes), std::max<int>(1, chunk_bytes));
    run_ = std::max(smallest, panels_ * blocks_ / (threads * kChunksPerThread));
    run_ = std::clamp(run_, 1, panels_);
    runs_ = divide_up(panels_, run_);
  }

  int chunks() const { return blocks_ * runs_; }

  /// Calls call(panel, row, rows) for the parts of a chunk.
  template <class Call>
  void for_each(int chunk, const Call& call) const {
    const int first = chunk / runs_ * block_, last = std::min(rows_, first + block_);
    const int panel = chunk % runs_ * run_, panel_end = std::min(panels_, panel + run_);
    for (int p = panel; p < panel_end; ++p) {
      for (int r = first; r < last; r += step_) call(p, r, std::min(step_, last - r));
    }
  }

 private:
  int rows_, step_, block_, blocks_, panels_, run_, runs_;
};

// kernels[r - 1] takes r rows, up to max_rows.
template <class X>
void multiply(const PackedMatrix& w, const PreparedRows<X>& from, int count, float* y,
              const PanelKernel<X>* kernels, int max_rows, SpreadTile spread, ThreadPool& pool) {
  const MatrixFormat& format = w.format();
  const Plan plan(w, count, sizeof(X), max_rows, pool.threads());
  pool.run(plan.chunks(), [&](int chunk) {
    plan.for_each(chunk, [&](int panel, int row, int rows) {
      const int output = panel * PackedMatrix::kPanelRows;
      const size_t group = size_t(row) * w.groups();
      kernels[rows - 1]({
          .panel = w.panel(panel),
          .columns = format.columns,
          .groups = w.groups(),
          .group_size = format.group_size,
          .group_bytes = w.group_bytes(),
          .bits = format.bits,
          .spread = spread,
          .scale_type = format.scale_type,
          .x = {from.values + row * from.stride, from.stride,
                from.scales ? from.scales + group : nullptr,
                from.sums ? from.sums + group : nullptr},
          .y = y + size_t(row) * format.rows + output,
          .y_stride = size_t(format.rows),
          .outputs = std::min(PackedMatrix::kPanelRows, format.rows - output),
      });
    });
  });
}

template <class X>
void multiply_quantized(const PackedMatrix& w, const Rows& x, float* y,
                        const PanelKernels<X>& kernels, SpreadTile spread, ThreadPool& pool) {
  const Prepared<X> prepared = prepare(w, x, kernels, pool);
  multiply(w, prepared.rows, x.count, y, kernels.find(w.format()), kernels.max_rows, spread, pool);
}

}  // namespace

void matmul(const PackedMatrix& w, const Rows& x, float* y, Precision precision, Isa isa,
            ThreadPool& pool) {
  if (x.count == 0) return;
  const KernelTable& table = kernel_table(isa);
  if (w.format().encoding == Encoding::dense) {
    const PreparedRows<float> rows{x.data, x.stride, nullptr, nullptr};
    return multiply(w, rows, x.count, y, table.dense.of[static_cast<int>(w.format().scale_type)],
                    table.dense.max_rows, nullptr, pool);
  }
  const SpreadTile spread = table.spread.find(w.format());
  switch (precision) {
    case Precision::exact:
      return multiply_quantized(w, x, y, table.exact, spread, pool);
    case Precision::balanced:
      return multiply_quantized(w, x, y, table.balanced, spread, pool);
    case Precision::fast:
      return multiply_quantized(w, x, y, table.fast, spread, pool);
  }
}

}  // namespace mlxd::kernels::cpu
