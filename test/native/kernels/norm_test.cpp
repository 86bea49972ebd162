// Norms in MLX's graph: against mx::fast on the same arrays, of rows and of heads in them.
#include "kernels/norm.h"

#include <stdexcept>

#include "doctest/doctest.h"
#include "kernels/settings.h"
#include "kernels/work.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

namespace {

constexpr float kEps = 1e-5f;

float distance(const mx::array& a, const mx::array& b) {
  return mx::max(mx::abs(mx::subtract(a, b))).item<float>();
}

}  // namespace

TEST_CASE("the RMS norm of rows, and of heads in rows, agrees with MLX's") {
  const auto weight = mx::random::normal({48});
  for (int rows : {1, 7, 200}) {
    const auto x = mx::random::normal({rows, 5 * 48});
    const auto heads = mx::reshape(x, {rows, 5, 48});
    const auto expected = mx::fast::rms_norm(heads, weight, kEps);
    CHECK(distance(norm(heads, {weight, kEps}), expected) < 5e-6f);
    CHECK(distance(norm(x, {weight, kEps}), mx::reshape(expected, x.shape())) < 5e-6f);
    const auto half = mx::astype(weight, mx::float16);
    CHECK(distance(norm(x, {half, kEps}), mx::reshape(expected, x.shape())) < 5e-2f);
  }
}

TEST_CASE("the layer norm, with and without a bias, agrees with MLX's") {
  const auto weight = mx::random::normal({48}), bias = mx::random::normal({48});
  const auto x = mx::random::normal({7, 5 * 48}) + mx::array(0.5f);
  const auto heads = mx::reshape(x, {7, 5, 48});
  for (const mx::array* b : {static_cast<const mx::array*>(nullptr), &bias}) {
    const auto expected =
        mx::fast::layer_norm(heads, weight, b ? std::optional(*b) : std::nullopt, kEps);
    CHECK(distance(norm(heads, {weight, kEps, true, b}), expected) < 5e-6f);
    CHECK(distance(norm(x, {weight, kEps, true, b}), mx::reshape(expected, x.shape())) < 5e-6f);
    set_kernels(KernelChoice::mlx);
    CHECK(distance(norm(x, {weight, kEps, true, b}), mx::reshape(expected, x.shape())) < 5e-6f);
    set_kernels(KernelChoice::automatic);
  }
  const auto longer = mx::zeros({49});
  CHECK_THROWS_AS(norm(x, {weight, kEps, true, &longer}), std::invalid_argument);
}

TEST_CASE("rows of a norm may lie apart, columns too") {
  const auto weight = mx::random::normal({16});
  const auto wide = mx::random::normal({9, 80});
  const auto apart = mx::slice(wide, {0, 16}, {9, 64});
  const auto expected = norm(mx::contiguous(apart), {weight, kEps});
  CHECK(distance(norm(apart, {weight, kEps}), expected) == 0);
  const auto columns = mx::transpose(mx::contiguous(mx::transpose(apart)));
  CHECK(distance(norm(columns, {weight, kEps}), expected) == 0);
  const auto every_other = mx::slice(mx::repeat(weight, 2), {0}, {32}, {2});
  CHECK(distance(norm(apart, {every_other, kEps}), expected) == 0);
}

TEST_CASE("MLX's norm serves other types, and where it is asked for") {
  const auto weight = mx::random::normal({32});
  const auto x = mx::random::normal({3, 64});
  const auto before = work_done().operations;
  set_kernels(KernelChoice::mlx);
  const auto theirs = norm(x, {weight, kEps});
  mx::eval(theirs);
  set_kernels(KernelChoice::automatic);
  CHECK(theirs.shape() == x.shape());
  const auto half = norm(mx::astype(x, mx::bfloat16), {weight, kEps});
  CHECK(half.dtype() == mx::bfloat16);
  CHECK(distance(mx::astype(half, mx::float32), theirs) < 5e-2f);
  CHECK(work_done().operations == before);
  CHECK(distance(norm(x, {weight, kEps}), theirs) < 5e-6f);
  CHECK_THROWS_AS(norm(x, {mx::zeros({24}), kEps}), std::invalid_argument);
}
