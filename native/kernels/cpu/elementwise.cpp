#include "kernels/cpu/elementwise.h"

#include <algorithm>
#include <vector>

namespace mlxd::kernels::cpu {
namespace {

// Elements below which a chunk costs more to hand out than to do.
constexpr int kChunk = 4096;

// Calls row(r) for all rows, several of them a chunk.
template <class Row>
void for_each_row(int rows, int width, ThreadPool& pool, const Row& row) {
  const int some = std::max(1, kChunk / std::max(1, width));
  pool.run((rows + some - 1) / some, [&](int chunk) {
    const int end = std::min(rows, (chunk + 1) * some);
    for (int r = chunk * some; r < end; ++r) row(r);
  });
}

}  // namespace

void norm_rows(const Norm& norm, const Rows& x, int width, float* out, Isa isa, ThreadPool& pool) {
  const KernelTable& table = kernel_table(isa);
  for_each_row(x.count, width, pool,
               [&](int r) { norm(x.data + r * x.stride, width, out + size_t(r) * width, table); });
}

void join_rows(const std::optional<Norm>& norm, float scale, const Rows& residual, int width,
               float* y, Isa isa, ThreadPool& pool) {
  const KernelTable& table = kernel_table(isa);
  for_each_row(residual.count, width, pool, [&](int r) {
    float* to = y + size_t(r) * width;
    const float* from = residual.data + r * residual.stride;
    if (norm) (*norm)(to, width, to, table);
    for (int i = 0; i < width; ++i) to[i] = from[i] + scale * to[i];
  });
}

void glu(Activation activation, float* gate, const float* up, size_t count, Isa isa,
         ThreadPool& pool) {
  const GluRun run = kernel_table(isa).glu[static_cast<int>(activation)];
  pool.run(static_cast<int>((count + kChunk - 1) / kChunk), [&](int chunk) {
    const size_t first = size_t(chunk) * kChunk;
    run(gate + first, up + first, static_cast<int>(std::min<size_t>(kChunk, count - first)));
  });
}

void activate(Activation activation, float* x, size_t count, Isa isa, ThreadPool& pool) {
  static const std::vector<float> ones(kChunk, 1.0f);
  const GluRun run = kernel_table(isa).glu[static_cast<int>(activation)];
  pool.run(static_cast<int>((count + kChunk - 1) / kChunk), [&](int chunk) {
    const size_t first = size_t(chunk) * kChunk;
    run(x + first, ones.data(), static_cast<int>(std::min<size_t>(kChunk, count - first)));
  });
}

}  // namespace mlxd::kernels::cpu
