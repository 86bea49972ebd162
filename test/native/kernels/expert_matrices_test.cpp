// The products of tokens with the experts that they were routed to: against the product with each
// expert alone, and a row's bits in any company.
#include "kernels/expert_matrices.h"

#include <stdexcept>

#include "doctest/doctest.h"
#include "kernels/settings.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

namespace {

constexpr int kExperts = 5, kRows = 70, kColumns = 96;

mx::array random_stack() {
  return mx::astype(mx::random::normal({kExperts, kRows, kColumns}), mx::bfloat16);
}

mx::array part(const mx::array& stack, int expert) { return mx::take(stack, expert, 0); }

// Experts of one format, together and each alone.
struct Sample {
  ExpertMatrices together;
  std::vector<WeightMatrix> alone;
};

Sample dense_sample(const mx::array& stack) {
  Sample sample{ExpertMatrices(stack, mx::float32), {}};
  for (int e = 0; e < kExperts; ++e) sample.alone.emplace_back(part(stack, e), mx::float32);
  return sample;
}

Sample quantized_sample(const mx::array& stack, const QuantizationScheme& scheme) {
  const auto parts = mx::quantize(stack, scheme.group_size, scheme.bits, mode_name(scheme.mode));
  const bool affine = scheme.mode == QuantizationMode::affine;
  const auto biases = affine ? std::optional(parts[2]) : std::nullopt;
  Sample sample{ExpertMatrices(parts[0], parts[1], biases, scheme), {}};
  for (int e = 0; e < kExperts; ++e) {
    const auto bias = affine ? std::optional(part(parts[2], e)) : std::nullopt;
    sample.alone.emplace_back(part(parts[0], e), part(parts[1], e), bias, scheme);
  }
  return sample;
}

std::vector<Sample> samples() {
  const auto stack = random_stack();
  return {dense_sample(stack),
          quantized_sample(stack, {32, 4}),
          quantized_sample(stack, {32, 6}),
          quantized_sample(stack, {32, 4, QuantizationMode::mxfp4}),
          quantized_sample(stack, {32, 8, QuantizationMode::mxfp8}),
          quantized_sample(stack, {16, 4, QuantizationMode::nvfp4})};
}

float distance(const mx::array& a, const mx::array& b) {
  return mx::divide(mx::max(mx::abs(mx::subtract(a, b))), mx::max(mx::abs(b))).item<float>();
}

// y[t, s] of x [T, 1 or S, K], one product at a time.
mx::array one_by_one(const Sample& sample, const mx::array& x, const mx::array& experts) {
  std::vector<mx::array> rows;
  for (int t = 0; t < experts.shape(0); ++t) {
    for (int s = 0; s < experts.shape(1); ++s) {
      const int e = mx::slice(experts, {t, s}, {t + 1, s + 1}).item<int>();
      const int from = x.shape(1) == 1 ? 0 : s;
      const auto row = mx::slice(x, {t, from, 0}, {t + 1, from + 1, kColumns});
      rows.push_back(sample.alone[e].matmul(mx::reshape(row, {1, kColumns})));
    }
  }
  return mx::reshape(mx::concatenate(rows, 0), {experts.shape(0), experts.shape(1), kRows});
}

}  // namespace

TEST_CASE("each row in order is the product with the matrix of its place") {
  for (const KernelChoice choice : {KernelChoice::automatic, KernelChoice::mlx}) {
    set_kernels(choice);
    for (const Sample& sample : samples()) {
      const auto x = mx::random::normal({7, kExperts, kColumns});
      const auto places = mx::broadcast_to(mx::arange(kExperts), {7, kExperts});
      CHECK(distance(sample.together.matmul_each(x), one_by_one(sample, x, places)) < 1e-5f);
    }
  }
  set_kernels(KernelChoice::automatic);
}

TEST_CASE("each row is the product with its expert, with the same bits as alone") {
  for (const Sample& sample : samples()) {
    CHECK(sample.together.bytes() == kExperts * sample.alone[0].bytes());
    for (int tokens : {1, 9, 40}) {
      const auto experts = mx::random::randint(0, kExperts, {tokens, 3}, mx::int32);
      for (int rows : {1, 3}) {
        const auto x = mx::random::normal({tokens, rows, kColumns});
        CAPTURE(tokens);
        CAPTURE(rows);
        const auto y = sample.together.matmul(x, experts);
        CHECK(mx::array_equal(y, one_by_one(sample, x, experts)).item<bool>());
      }
    }
  }
}

TEST_CASE("MLX's kernels give the same experts where they are set") {
  const auto stack = random_stack();
  const auto x = mx::random::normal({4, 1, kColumns});
  const auto experts = mx::array({0, 4, 2, 2, 3, 1, 0, 1}, {4, 2});
  const std::vector<QuantizationScheme> schemes{{32, 4},
                                                {32, 4, QuantizationMode::mxfp4},
                                                {32, 8, QuantizationMode::mxfp8},
                                                {16, 4, QuantizationMode::nvfp4}};
  for (const auto& scheme : schemes) {
    const auto expected = quantized_sample(stack, scheme).together.matmul(x, experts);
    set_kernels(KernelChoice::mlx);
    CHECK(distance(quantized_sample(stack, scheme).together.matmul(x, experts), expected) < 2e-6f);
    set_kernels(KernelChoice::automatic);
  }
  const auto expected = dense_sample(stack).together.matmul(x, experts);
  set_kernels(KernelChoice::mlx);
  CHECK(distance(dense_sample(stack).together.matmul(x, experts), expected) < 2e-6f);
  set_kernels(KernelChoice::automatic);
}

TEST_CASE("experts that are not there and shapes that do not fit are refused") {
  const Sample sample = dense_sample(random_stack());
  const auto x = mx::zeros({2, 1, kColumns});
  for (int bad : {-1, kExperts}) {
    auto y = sample.together.matmul(x, mx::array({0, bad}, {2, 1}));
    CHECK_THROWS_WITH(mx::eval(y), doctest::Contains("Expert"));
  }
  const auto experts = mx::zeros({2, 2}, mx::int32);
  CHECK_THROWS_AS(sample.together.matmul(mx::zeros({2, 3, kColumns}), experts),
                  std::invalid_argument);
  CHECK_THROWS_AS(sample.together.matmul(x, mx::zeros({2, 2})), std::invalid_argument);
  CHECK_THROWS_AS(ExpertMatrices(mx::zeros({3, 4}), mx::float32), std::invalid_argument);
  const auto none =
      sample.together.matmul(mx::zeros({0, 1, kColumns}), mx::zeros({0, 2}, mx::int32));
  CHECK(none.shape() == mx::Shape{0, 2, kRows});
}
