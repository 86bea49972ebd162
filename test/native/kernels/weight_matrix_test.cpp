// WeightMatrix in MLX's graph: against mx::quantized_matmul on the same arrays, with inputs of
// every kind.
#include "kernels/weight_matrix.h"

#include <stdexcept>

#include "doctest/doctest.h"
#include "kernels/settings.h"

namespace mx = mlx::core;
using mlxd::kernels::float_scheme;
using mlxd::kernels::KernelChoice;
using mlxd::kernels::mode_name;
using mlxd::kernels::QuantizationMode;
using mlxd::kernels::QuantizationScheme;
using mlxd::kernels::set_kernels;
using mlxd::kernels::WeightMatrix;

namespace {

const QuantizationScheme kFloatSchemes[] = {float_scheme(QuantizationMode::mxfp4),
                                            float_scheme(QuantizationMode::mxfp8),
                                            float_scheme(QuantizationMode::nvfp4)};

constexpr float kRounding = 4e-6f;  // of sums in another order

// Largest difference over the largest value.
float distance(const mx::array& a, const mx::array& b) {
  const auto wide = mx::astype(b, mx::float32);
  const auto difference = mx::max(mx::abs(mx::subtract(mx::astype(a, mx::float32), wide)));
  return mx::divide(difference, mx::max(mx::abs(wide))).item<float>();
}

struct Sample {
  std::vector<mx::array> parts;  // weight, scales, biases
  int group_size, bits;

  Sample(int rows, int columns, int group_size, int bits, mx::Dtype type = mx::float16)
      : parts(
            mx::quantize(mx::astype(mx::random::normal({rows, columns}), type), group_size, bits)),
        group_size(group_size),
        bits(bits) {}

  WeightMatrix matrix() const { return {parts[0], parts[1], parts[2], {group_size, bits}}; }

  mx::array reference(const mx::array& x) const {
    return mx::quantized_matmul(mx::astype(x, mx::float32), parts[0],
                                mx::astype(parts[1], mx::float32),
                                mx::astype(parts[2], mx::float32), true, group_size, bits);
  }
  mx::array dense() const {
    return mx::dequantize(parts[0], mx::astype(parts[1], mx::float32),
                          mx::astype(parts[2], mx::float32), group_size, bits);
  }
};

}  // namespace

TEST_CASE("products and rows agree with MLX's in every format") {
  for (int bits : {2, 3, 4, 5, 6, 8}) {
    for (int group : {32, 64, 128}) {
      for (auto type : {mx::float16, mx::bfloat16, mx::float32}) {
        const Sample sample(45, 384, group, bits, type);
        const auto matrix = sample.matrix();
        CAPTURE(bits);
        CAPTURE(group);
        CHECK(matrix.rows_count() == 45);
        CHECK(matrix.columns() == 384);
        for (int count : {1, 5}) {
          const auto x = mx::random::normal({count, 384});
          const auto y = matrix.matmul(x);
          CHECK(y.dtype() == mx::float32);
          CHECK(y.shape() == mx::Shape{count, 45});
          CHECK(distance(y, sample.reference(x)) < kRounding);
        }
        const auto ids = mx::array({44, 0, 17, 17});
        const auto rows = matrix.rows(ids);
        CHECK(rows.dtype() == mx::float32);
        CHECK(distance(rows, mx::take(sample.dense(), ids, 0)) < 1e-6f);
      }
    }
  }
}

TEST_CASE("products and rows of floats of few bits agree with MLX's") {
  for (const auto& scheme : kFloatSchemes) {
    const auto [group, bits, mode] = scheme;
    const std::string name = mode_name(mode);
    CAPTURE(name);
    for (int columns : {32, 384}) {
      const auto dense = mx::astype(mx::random::normal({45, columns}), mx::bfloat16);
      const auto parts = mx::quantize(dense, group, bits, name);
      const auto values = mx::dequantize(parts[0], parts[1], std::nullopt, group, bits, name,
                                         std::nullopt, mx::float32);
      const WeightMatrix matrix(parts[0], parts[1], std::nullopt, scheme);
      CHECK(matrix.bytes() == 64 * (columns * bits / 8 + columns / group));  // filled up to 64 rows
      for (int count : {1, 5}) {
        const auto x = mx::random::normal({count, columns});
        CHECK(distance(matrix.matmul(x), mx::matmul(x, mx::transpose(values))) < kRounding);
      }
      const auto ids = mx::array({44, 0, 17, 17});
      CHECK(mx::array_equal(matrix.rows(ids), mx::take(values, ids, 0)).item<bool>());
    }
  }
}

TEST_CASE("every 8-bit float but NaN is what MLX takes it for") {
  std::vector<uint32_t> words;
  for (uint32_t i = 0; i < 256; i += 4) {
    const uint32_t last = (i + 3) % 128 == 127 ? i + 2 : i + 3;  // NaN for MLX, 480 for us
    words.push_back(i | (i + 1) << 8 | (i + 2) << 16 | last << 24);
  }
  const mx::array weight(words.begin(), {8, 8});
  const mx::array scales = mx::full({8, 1}, 127, mx::uint8);
  const auto values =
      mx::dequantize(weight, scales, std::nullopt, 32, 8, "mxfp8", std::nullopt, mx::float32);
  const WeightMatrix matrix(weight, scales, std::nullopt, float_scheme(QuantizationMode::mxfp8));
  CHECK(mx::array_equal(matrix.rows(mx::arange(8)), values).item<bool>());
  CHECK(mx::array_equal(matrix.matmul(mx::eye(32)), mx::transpose(values)).item<bool>());
}

TEST_CASE("products and rows of dense matrices agree with MLX's, in the memory of the checkpoint") {
  for (auto type : {mx::float16, mx::bfloat16, mx::float32}) {
    for (int columns : {7, 384}) {
      const auto weight = mx::astype(mx::random::normal({64, columns}), type);
      const auto values = mx::astype(weight, mx::float32);
      const WeightMatrix matrix(weight, mx::float32);
      CHECK(matrix.bytes() == weight.nbytes());
      for (int count : {1, 5, 40}) {
        const auto x = mx::random::normal({count, columns});
        const auto y = matrix.matmul(x);
        CHECK(y.dtype() == mx::float32);
        CHECK(distance(y, mx::matmul(x, mx::transpose(values))) < kRounding);
      }
      const auto ids = mx::array({63, 0, 17, 17});
      CHECK(mx::array_equal(matrix.rows(ids), mx::take(values, ids, 0)).item<bool>());
    }
  }
}

TEST_CASE("MLX's kernels give the same where they are set") {
  const auto weight = mx::astype(mx::random::normal({64, 96}), mx::bfloat16);
  const auto affine = mx::quantize(weight, 32, 3);
  const auto x = mx::random::normal({3, 96});
  const auto ids = mx::array({63, 0});
  const auto make = [&] {
    std::vector<WeightMatrix> matrices{{weight, mx::float32},
                                       {affine[0], affine[1], affine[2], {32, 3}}};
    for (const auto& scheme : kFloatSchemes) {
      const auto parts =
          mx::quantize(weight, scheme.group_size, scheme.bits, mode_name(scheme.mode));
      matrices.emplace_back(parts[0], parts[1], std::nullopt, scheme);
    }
    return matrices;
  };
  const auto ours = make();
  set_kernels(KernelChoice::mlx);
  const auto mlx = make();
  for (size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i);
    CHECK(mlx[i].packed() == nullptr);
    CHECK(distance(ours[i].matmul(x), mlx[i].matmul(x)) < kRounding);
    CHECK(mlx[i].rows(ids).dtype() == mx::float32);
    CHECK(distance(ours[i].rows(ids), mlx[i].rows(ids)) < 1e-6f);
  }
  set_kernels(KernelChoice::automatic);
}

TEST_CASE("x may be of any float type and lie in memory in any way") {
  mx::random::seed(7);  // how much of equal columns cancels out is up to chance
  const Sample sample(70, 256, 64, 4);
  const auto matrix = sample.matrix();
  const auto wide = mx::random::normal({12, 512});
  const auto half = mx::astype(mx::slice(wide, {0, 0}, {12, 256}), mx::bfloat16);
  const auto y = matrix.matmul(half);
  CHECK(y.dtype() == mx::bfloat16);
  CHECK(distance(y, sample.reference(half)) < 1e-2f);

  const std::vector<mx::array> views{
      mx::slice(wide, {0, 256}, {12, 512}),                      // rows apart
      mx::slice(wide, {1, 0}, {12, 512}, {3, 2}),                // every second column
      mx::transpose(mx::random::normal({256, 9})),               // columns apart
      mx::broadcast_to(mx::random::normal({1, 256}), {7, 256}),  // one row many times
      mx::broadcast_to(mx::random::normal({4, 1}), {4, 256}),    // one column many times
      mx::slice(wide, {11, 255}, {-13, -513}, {-2, -1}),         // backwards
  };
  for (const auto& x : views) {
    CAPTURE(x.shape()[0]);
    CHECK(distance(matrix.matmul(x), sample.reference(x)) < 1e-5f);  // equal columns cancel out
  }
  const auto ids = mx::slice(mx::arange(0, 70, mx::int32), {60}, {0}, {-7});
  CHECK(distance(matrix.rows(ids), mx::take(sample.dense(), ids, 0)) < 1e-6f);
}

TEST_CASE("a chain of products is computed in order, whatever the threads") {
  const Sample a(256, 256, 32, 4), b(256, 256, 32, 8);
  const auto first = a.matrix(), second = b.matrix();
  const auto x = mx::random::normal({33, 256});
  mx::eval(x);
  std::vector<mx::array> results;
  for (int threads : {1, 2, 4, 0}) {
    mlxd::kernels::set_threads(threads);
    auto y = x;
    for (int i = 0; i < 20; ++i)
      y = mx::multiply(second.matmul(first.matmul(y)), mx::array(0.004f));
    mx::eval(y);
    results.push_back(y);
  }
  for (const auto& y : results) CHECK(mx::array_equal(y, results[0]).item<bool>());
}

TEST_CASE("weights may be a view, and an empty batch gives an empty result") {
  const Sample sample(64, 128, 32, 4);
  const WeightMatrix lower(mx::slice(sample.parts[0], {32, 0}, {64, 16}),
                           mx::slice(sample.parts[1], {32, 0}, {64, 4}),
                           mx::slice(sample.parts[2], {32, 0}, {64, 4}), {32, 4});
  const auto x = mx::random::normal({2, 128});
  CHECK(distance(lower.matmul(x), mx::slice(sample.reference(x), {0, 32}, {2, 64})) < kRounding);
  CHECK(lower.bytes() == 32 * 128 / 2 + 32 * 4 * 4);
  const auto none = lower.matmul(mx::zeros({0, 128}));
  mx::eval(none);
  CHECK(none.shape() == mx::Shape{0, 32});
}

TEST_CASE("arrays that do not fit are refused with a reason") {
  const Sample sample(64, 128, 32, 4);
  const auto& [weight, scales, biases] =
      std::tie(sample.parts[0], sample.parts[1], sample.parts[2]);
  auto refused = [](auto&& make, const char* reason) {
    CHECK_THROWS_WITH_AS(make(), doctest::Contains(reason), std::invalid_argument);
  };
  refused([&] { WeightMatrix(weight, scales, biases, {64, 4}); }, "does not match scales");
  refused([&] { WeightMatrix(weight, scales, biases, {32, 8}); }, "does not match scales");
  refused([&] { WeightMatrix(weight, scales, biases, {32, 7}); }, "bits must be");
  refused([&] { WeightMatrix(weight, scales, biases, {48, 4}); }, "group size must be");
  refused([&] { WeightMatrix(scales, scales, biases, {32, 4}); }, "weight must be uint32");
  refused([&] { WeightMatrix(weight, weight, biases, {32, 4}); }, "scales must be");
  refused([&] { WeightMatrix(weight, scales, mx::zeros({64, 4}), {32, 4}); }, "biases");
  refused([&] { WeightMatrix(weight, scales, std::nullopt, {32, 4}); },
          "biases that are not there");
  refused([&] { WeightMatrix(weight, mx::float32); }, "weight must be float16");
  refused([&] { WeightMatrix(mx::zeros({3}), mx::float32); }, "weight must be float16");
  const QuantizationScheme mxfp4{32, 4, QuantizationMode::mxfp4};
  refused([&] { WeightMatrix(weight, scales, std::nullopt, mxfp4); }, "must be uint8");
  refused([&] { WeightMatrix(weight, mx::zeros({64, 4}, mx::uint8), biases, mxfp4); }, "no biases");
  refused([&] { WeightMatrix(weight, scales, {}, {32, 4, QuantizationMode::nvfp4}); },
          "nvfp4 has 4 bits and groups of 16");
  const auto matrix = sample.matrix();
  refused([&] { matrix.matmul(mx::zeros({1, 64})); }, "[T, 128]");
  refused([&] { matrix.matmul(mx::zeros({1, 128}, mx::int32)); }, "[T, 128]");
  refused([&] { matrix.rows(mx::zeros({1})); }, "int32 [T]");
}

TEST_CASE("a row that is not there fails the evaluation and leaves the stream usable") {
  const Sample sample(10, 32, 32, 4);
  const auto matrix = sample.matrix();
  for (int id : {-1, 10}) {
    auto rows = matrix.rows(mx::array({0, id}));
    CHECK_THROWS_WITH(mx::eval(rows), doctest::Contains("matrix of 10 rows"));
  }
  CHECK(distance(matrix.rows(mx::array({9})), mx::take(sample.dense(), mx::array({9}), 0)) < 1e-6f);
}
