// Rope of a step's rows against MLX's rope of each sequence alone.
#include "kernels/rotation.h"

#include "doctest/doctest.h"
#include "kernels/settings.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

TEST_CASE("rows of several sequences are rotated at their own positions") {
  if (!use_own_kernels()) return;
  constexpr int kHeads = 3, kDim = 12;
  const std::vector<RowRun> runs{{5, 0}, {1, 130}, {2, 7}};
  for (const bool traditional : {true, false}) {
    const Rope rope(8, traditional, 1e4f, 0.5f, {}, 1.25f);
    const auto x = mx::random::normal({8, kHeads * kDim});
    const auto rotated = rotated_rows(x, kDim, runs, rope);
    int from = 0;
    for (const auto& [length, offset] : runs) {
      const auto rows = [&](const mx::array& all) {
        const auto part = mx::slice(all, {from, 0}, {from + length, kHeads * kDim});
        const auto heads = mx::transpose(mx::reshape(part, {length, kHeads, kDim}), {1, 0, 2});
        return mx::expand_dims(heads, 0);
      };
      auto error = mx::max(mx::abs(rows(rotated) - rope(rows(x), offset)));
      CHECK(error.item<float>() < 1e-5f);
      from += length;
    }
  }
}
