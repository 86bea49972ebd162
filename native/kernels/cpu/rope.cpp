#include "kernels/cpu/rope.h"

#include <cmath>

namespace mlxd::kernels::cpu {
namespace {

struct Turn {
  float cosine, sine;
};

void rotate_row(const std::vector<Turn>& turns, bool traditional, const float* x, float* out) {
  const size_t half = turns.size();
  const size_t step = traditional ? 2 : 1, apart = traditional ? 1 : half;
  for (size_t i = 0; i < half; ++i) {
    const float a = x[i * step], b = x[i * step + apart];
    out[i * step] = a * turns[i].cosine - b * turns[i].sine;
    out[i * step + apart] = a * turns[i].sine + b * turns[i].cosine;
  }
}

}  // namespace

void rotate(const Rope& rope, const Heads& x, int heads, int rows, int offset, const HeadsOut& out,
            ThreadPool& pool) {
  auto rotate_position = [&](int row) {
    std::vector<Turn> turns;
    for (float frequency : rope.frequencies) {
      const double angle = (static_cast<double>(offset) + row) * frequency;
      turns.push_back({static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))});
    }
    for (int head = 0; head < heads; ++head) {
      rotate_row(turns, rope.traditional, x.data + head * x.head_stride + row * x.row_stride,
                 out.data + head * out.head_stride + row * out.row_stride);
    }
  };
  pool.run(rows, rotate_position);
}

void rotate(const Rope& rope, const Heads& x, int heads, int rows, int offset, float* out,
            ThreadPool& pool) {
  const auto dim = static_cast<ptrdiff_t>(2 * rope.frequencies.size());
  rotate(rope, x, heads, rows, offset, HeadsOut{out, rows * dim, dim}, pool);
}

}  // namespace mlxd::kernels::cpu
