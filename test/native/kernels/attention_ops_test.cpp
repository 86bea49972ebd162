// Rope and attention in MLX's graph: against mx::fast on the same arrays.
#include <cmath>
#include <stdexcept>

#include "doctest/doctest.h"
#include "kernels/attention.h"

namespace mx = mlx::core;
using mlxd::kernels::attention;
using mlxd::kernels::Rope;

namespace {

float largest_difference(const mx::array& a, const mx::array& b) {
  return mx::max(mx::abs(mx::subtract(mx::astype(a, mx::float32), mx::astype(b, mx::float32))))
      .item<float>();
}

// [1, heads, rows, dim] as a view of [rows, heads, dim], as the models make it.
mx::array heads_view(int heads, int rows, int dim) {
  return mx::expand_dims(mx::transpose(mx::random::normal({rows, heads, dim}), {1, 0, 2}), 0);
}

}  // namespace

TEST_CASE("rope agrees with mx::fast::rope") {
  std::vector<float> periods;
  for (int i = 0; i < 32; ++i) periods.push_back(std::pow(5e5f, i / 32.0f) * (i > 20 ? 8 : 1));
  for (bool traditional : {false, true}) {
    for (int rows : {1, 9}) {
      for (int offset : {0, 77}) {
        const auto x = heads_view(3, rows, 64);
        CHECK(largest_difference(Rope(64, traditional, 1e4f, 0.25f, {})(x, offset),
                                 mx::fast::rope(x, 64, traditional, 1e4f, 0.25f, offset)) < 2e-5f);
        const mx::array table(periods.begin(), {32});
        const Rope scaled(64, traditional, 1e4f, 1, periods);
        CHECK(largest_difference(scaled(x, offset), mx::fast::rope(x, 64, traditional, std::nullopt,
                                                                   1, offset, table)) < 2e-5f);
      }
    }
  }
  const auto half = mx::astype(heads_view(2, 3, 32), mx::bfloat16);
  const auto rotated = Rope(32, false, 1e4f, 1, {})(half, 5);
  CHECK(rotated.dtype() == mx::bfloat16);
  CHECK(largest_difference(rotated, mx::fast::rope(half, 32, false, 1e4f, 1, 5)) < 5e-2f);
}

TEST_CASE("attention agrees with mx::fast::scaled_dot_product_attention") {
  for (int dim : {64, 80, 24}) {  // MLX's own takes the last
    for (int rows : {1, 5}) {
      const auto q = heads_view(9, rows, dim);
      const auto room = mx::random::normal({1, 3, 64, dim});
      const auto keys = mx::slice(room, {0, 0, 3, 0}, {1, 3, 40, dim});
      const auto values = mx::multiply(keys, mx::array(0.5f));
      const auto expected =
          mx::fast::scaled_dot_product_attention(q, keys, values, 0.125f, rows > 1 ? "causal" : "");
      const auto flat = mx::reshape(mx::transpose(expected, {0, 2, 1, 3}), {rows, 9 * dim});
      const auto out = attention(q, keys, values, 0.125f, std::nullopt);
      CAPTURE(dim);
      CAPTURE(rows);
      CHECK(out.shape() == mx::Shape{rows, 9 * dim});
      CHECK(largest_difference(out, flat) < 5e-6f);
      CHECK(largest_difference(attention(q, keys, values, 0.125f, 37), flat) < 5e-6f);
      if (rows == 1) {
        const auto last = mx::slice(room, {0, 0, 30, 0}, {1, 3, 40, dim});
        const auto windowed = attention(q, keys, values, 0.125f, 10);
        const auto alone = attention(q, last, mx::multiply(last, mx::array(0.5f)), 0.125f, {});
        CHECK(largest_difference(windowed, alone) < 5e-6f);
      }
    }
  }
}

TEST_CASE("shapes that do not fit are refused, and columns that lie apart") {
  const auto q = mx::zeros({1, 4, 1, 32});
  auto refused = [&](const mx::array& keys, const mx::array& values) {
    CHECK_THROWS_WITH_AS(attention(q, keys, values, 1, {}), doctest::Contains("do not fit"),
                         std::invalid_argument);
  };
  refused(mx::zeros({1, 3, 5, 32}), mx::zeros({1, 3, 5, 32}));
  refused(mx::zeros({1, 2, 5, 16}), mx::zeros({1, 2, 5, 16}));
  refused(mx::zeros({1, 2, 5, 32}), mx::zeros({1, 2, 4, 32}));
  refused(mx::zeros({1, 2, 0, 32}), mx::zeros({1, 2, 0, 32}));
  auto apart = mx::transpose(mx::zeros({1, 2, 32, 5}), {0, 1, 3, 2});
  auto out = attention(q, apart, mx::zeros({1, 2, 5, 32}), 1, {});
  CHECK_THROWS_WITH(mx::eval(out), doctest::Contains("lie together"));
}
