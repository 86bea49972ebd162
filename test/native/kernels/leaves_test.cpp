// Leaves as one operation: against the composition of MLX's operations, and a row's bits in any
// company and on any number of threads.
#include "kernels/leaves.h"

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include "doctest/doctest.h"
#include "kernels/settings.h"
#include "kernels/work.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

namespace {

constexpr float kEps = 1e-5f;

WeightMatrix random_matrix(int rows, int columns, int group_size, int bits) {
  const auto parts = mx::quantize(mx::random::normal({rows, columns}), group_size, bits);
  return {parts[0], parts[1], parts[2], {group_size, bits}};
}

struct Sample {
  int columns;
  WeightMatrix a, b;
  mx::array weight = mx::random::normal({columns});

  Sample(int rows, int columns, int bits = 4)
      : columns(columns),
        a(random_matrix(rows, columns, 32, bits)),
        b(random_matrix(rows, columns, 32, bits)) {}

  mx::array normed(const mx::array& x) const { return mx::fast::rms_norm(x, weight, kEps); }
};

float distance(const mx::array& a, const mx::array& b) {
  return mx::divide(mx::max(mx::abs(mx::subtract(a, b))), mx::max(mx::abs(b))).item<float>();
}

bool same_bits(const mx::array& a, const mx::array& b) {
  return mx::array_equal(mx::view(a, mx::uint32), mx::view(b, mx::uint32)).item<bool>();
}

mx::array row(const mx::array& x, int index) {
  return mx::slice(x, {index, 0}, {index + 1, x.shape(1)});
}

// Columns of x as a residual of 70 columns.
mx::array residual_of(const mx::array& x) {
  return mx::slice(mx::tile(x, {1, 3}), {0, 0}, {x.shape(0), 70});
}

// The leaves, each with the residual that some of them take.
using Leaf = std::function<mx::array(const Sample&, const mx::array& x)>;
const Leaf kLeaves[] = {
    [](const Sample& s, const mx::array& x) { return linear_add(s.a, x, residual_of(x)); },
    [](const Sample& s, const mx::array& x) {
      const auto ones = mx::ones({70});
      return linear_add(s.a, x, residual_of(x), {NormLayer{ones, kEps}, 0.5f});
    },
    [](const Sample& s, const mx::array& x) {
      return mx::concatenate(norm_linears(x, NormLayer{s.weight, kEps}, {s.a, s.b}), 1);
    },
    [](const Sample& s, const mx::array& x) {
      return norm_glu(Activation::silu, x, NormLayer{s.weight, kEps}, s.a, s.b);
    },
};

}  // namespace

TEST_CASE("leaves agree with the composition") {
  for (int rows : {1, 3, 40}) {
    for (int bits : {3, 4, 6, 8}) {
      const Sample s(70, 352, bits);
      const auto x = mx::multiply(mx::random::normal({rows, 352}), mx::array(3.0f));
      const auto residual = mx::random::normal({rows, 70});
      CAPTURE(rows);
      REQUIRE(can_fuse(x, {s.a, s.b}));
      CHECK(distance(linear_add(s.a, x, residual), mx::add(residual, s.a.matmul(x))) < 1e-6f);
      const auto products = norm_linears(x, NormLayer{s.weight, kEps}, {s.a, s.b});
      CHECK(distance(products[0], s.a.matmul(s.normed(x))) < 2e-6f);
      CHECK(distance(products[1], s.b.matmul(s.normed(x))) < 2e-6f);
      const auto gate = s.a.matmul(s.normed(x)), up = s.b.matmul(s.normed(x));
      const auto expected = mx::multiply(mx::multiply(gate, mx::sigmoid(gate)), up);
      CHECK(distance(norm_glu(Activation::silu, x, NormLayer{s.weight, kEps}, s.a, s.b), expected) <
            4e-6f);
    }
  }
}

TEST_CASE("the norm of a leaf may be a layer norm or none, before it or after it") {
  const Sample s(70, 64);
  const auto x = mx::random::normal({5, 64}), residual = mx::random::normal({5, 70});
  const auto bias = mx::random::normal({64}), after = mx::random::normal({70});
  const NormLayer centred{s.weight, kEps, true, &bias};
  const auto normed = mx::fast::layer_norm(x, s.weight, bias, kEps);
  CHECK(distance(norm_linears(x, centred, {s.a})[0], s.a.matmul(normed)) < 2e-6f);
  CHECK(same_bits(norm_linears(x, {}, {s.a})[0], s.a.matmul(x)));
  const auto gate = s.a.matmul(x), up = s.b.matmul(x);
  const auto product = mx::multiply(mx::multiply(gate, mx::sigmoid(gate)), up);
  CHECK(distance(norm_glu(Activation::silu, x, {}, s.a, s.b), product) < 4e-6f);
  const auto y = mx::fast::rms_norm(s.a.matmul(x), after, kEps);
  CHECK(distance(linear_add(s.a, x, residual, {NormLayer{after, kEps}, 0.25f}),
                 mx::add(residual, mx::multiply(y, mx::array(0.25f)))) < 2e-6f);
  CHECK_THROWS_AS(linear_add(s.a, x, residual, {NormLayer{s.weight, kEps}}), std::invalid_argument);
  CHECK_THROWS_AS(norm_linears(x, NormLayer{s.weight, kEps, true, &after}, {s.a}),
                  std::invalid_argument);
}

TEST_CASE("a leaf takes the one before it into itself, unless that was computed already") {
  const Sample s(64, 64), down(70, 64);
  const auto x = mx::random::normal({5, 64}), residual = mx::random::normal({5, 70});
  mx::eval(x, residual);
  const auto gated = [&] {
    return norm_glu(Activation::silu, x, NormLayer{s.weight, kEps}, s.a, s.b);
  };
  const auto operations_of = [](const mx::array& y) {
    const uint64_t before = work_done().operations;
    mx::eval(y);
    return work_done().operations - before;
  };
  const auto first = gated();
  CHECK(operations_of(first) == 1);
  const auto apart = linear_add(down.a, first, residual);
  CHECK(operations_of(apart) == 1);
  const auto together = linear_add(down.a, gated(), residual);
  CHECK(operations_of(together) == 1);
  CHECK(same_bits(apart, together));
  const auto other = mx::abs(gated());  // MLX's own
  CHECK(operations_of(linear_add(down.a, other, residual)) == 2);
}

TEST_CASE("layers may be dense and have biases") {
  const auto x = mx::random::normal({5, 96}), weight = mx::random::normal({96});
  const auto dense = mx::astype(mx::random::normal({70, 96}), mx::bfloat16);
  const auto bias = mx::random::normal({70}), residual = mx::random::normal({5, 70});
  mx::eval(bias);
  const WeightMatrix w(dense, mx::float32);
  const LinearLayer layer(w, &bias);
  REQUIRE(can_fuse(x, {layer}));
  const auto apply = [&](const mx::array& input) { return mx::add(w.matmul(input), bias); };
  const auto normed = mx::fast::rms_norm(x, weight, kEps);
  CHECK(same_bits(linear_add(layer, x, residual), mx::add(residual, apply(x))));
  CHECK(distance(norm_linears(x, NormLayer{weight, kEps}, {layer})[0], apply(normed)) < 2e-6f);
  const auto y = apply(normed);
  const auto expected = mx::multiply(mx::multiply(y, mx::sigmoid(y)), y);
  CHECK(distance(norm_glu(Activation::silu, x, NormLayer{weight, kEps}, layer, layer), expected) <
        4e-6f);
  const auto half = mx::astype(bias, mx::float16), longer = mx::zeros({71});
  CHECK_FALSE(can_fuse(x, {LinearLayer(w, &half)}));
  CHECK_THROWS_AS(linear_add({w, &longer}, x, residual), std::invalid_argument);
}

TEST_CASE("a row has the same bits in any company and on any number of threads") {
  const Sample s(70, 64);
  const auto x = mx::random::normal({61, 64});
  const int threads_before = threads();
  for (const Leaf& leaf : kLeaves) {
    set_threads(1);
    const auto together = leaf(s, x);
    mx::eval(together);
    for (int threads : {2, 3, 4}) {
      set_threads(threads);
      CHECK(same_bits(leaf(s, x), together));
      for (int i : {0, 17, 60}) CHECK(same_bits(leaf(s, row(x, i)), row(together, i)));
    }
  }
  set_threads(threads_before);
}

TEST_CASE("rows may lie apart, and the norm's weight may be of half precision") {
  const Sample s(70, 64);
  const auto apart = mx::transpose(mx::random::normal({64, 5}));
  const auto together = mx::contiguous(apart);
  for (const Leaf& leaf : kLeaves) CHECK(same_bits(leaf(s, apart), leaf(s, together)));
  const auto half = mx::astype(s.weight, mx::float16);
  CHECK(same_bits(norm_glu(Activation::silu, together, NormLayer{half, kEps}, s.a, s.b),
                  norm_glu(Activation::silu, together,
                           NormLayer{mx::astype(half, mx::float32), kEps}, s.a, s.b)));
}

TEST_CASE("extreme rows give what the composition gives, or are not finite where it is not") {
  const Sample s(70, 64);
  for (float scale : {0.0f, 1e-30f, 1e18f}) {
    const auto x = mx::multiply(mx::random::normal({2, 64}), mx::array(scale));
    for (const Leaf& leaf : kLeaves) CHECK(mx::all(mx::isfinite(leaf(s, x))).item<bool>());
  }
  for (float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const auto x = mx::concatenate({mx::full({1, 1}, bad), mx::zeros({1, 63})}, 1);
    for (const Leaf& leaf : kLeaves) {
      CHECK(!mx::any(mx::isfinite(leaf(s, x))).item<bool>());
      const auto neighbours = mx::concatenate({x, mx::ones({1, 64})}, 0);
      CHECK(mx::all(mx::isfinite(row(leaf(s, neighbours), 1))).item<bool>());
    }
  }
}

TEST_CASE("what cannot be one operation is said to be so, and shapes that do not fit are refused") {
  const Sample s(70, 64);
  const auto x = mx::zeros({2, 64});
  CHECK(can_fuse(x, {s.a}));
  CHECK_FALSE(can_fuse(mx::astype(x, mx::bfloat16), {s.a}));
  CHECK_THROWS_AS(linear_add(s.a, x, mx::zeros({1, 70})), std::invalid_argument);
  CHECK_THROWS_AS(linear_add(s.a, mx::zeros({2, 32}), mx::zeros({2, 70})), std::invalid_argument);
  CHECK_THROWS_AS(norm_linears(x, NormLayer{mx::zeros({32}), kEps}, {s.a}), std::invalid_argument);
  const auto fewer = random_matrix(64, 64, 32, 4);
  CHECK_THROWS_AS(norm_glu(Activation::silu, x, NormLayer{s.weight, kEps}, s.a, fewer),
                  std::invalid_argument);
}
