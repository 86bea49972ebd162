// Norm and activation against float64, with the same bits on every instruction set, in any company
// and on any number of threads.
#include "kernels/cpu/elementwise.h"

#include <cmath>
#include <random>

#include "doctest/doctest.h"
#include "kernels/cpu/random_matrix.h"

using namespace mlxd::kernels::cpu;

namespace {

constexpr float kEps = 1e-5f;
constexpr int kWidths[] = {1, 7, 15, 16, 17, 64, 100, 576, 1536};

std::vector<double> reference_norm(const float* x, const std::vector<float>& weight) {
  double squares = 0;
  for (size_t i = 0; i < weight.size(); ++i) squares += double(x[i]) * x[i];
  std::vector<double> out(weight.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = x[i] * weight[i] / std::sqrt(squares / weight.size() + kEps);
  }
  return out;
}

std::vector<double> reference_layer_norm(const float* x, int width) {
  double mean = 0, squares = 0;
  for (int i = 0; i < width; ++i) mean += x[i];
  mean /= width;
  for (int i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
  std::vector<double> out(width);
  for (int i = 0; i < width; ++i) out[i] = (x[i] - mean) / std::sqrt(squares / width + kEps);
  return out;
}

double reference_activation(Activation activation, double x) {
  if (activation == Activation::gelu) return 0.5 * x * std::erfc(-x / std::sqrt(2));
  const double u = 2 * std::sqrt(2 / 3.14159265358979324) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(activation == Activation::silu ? -x : -u));
}

// GELU's left tail is e to a power that float32 rounds.
double relative_error(Activation activation, double x) {
  if (activation == Activation::silu || x > 0) return 1e-6;
  const double power =
      activation == Activation::gelu ? x * x / 2 : 1.6 * (-x - 0.044715 * x * x * x);
  return 1e-6 + 3e-7 * power;
}

}  // namespace

TEST_CASE("the RMS norm is that of float64, with the same bits everywhere") {
  std::mt19937 random(11);
  for (int width : kWidths) {
    const int rows = 33;
    const auto x = random_rows(size_t(rows) * width, random);
    const auto weight = random_rows(width, random);
    std::vector<float> first;
    for (Isa isa : supported_isas()) {
      CAPTURE(width);
      CAPTURE(isa_name(isa));
      for (int threads : {1, 2, 4}) {
        ThreadPool pool(threads);
        std::vector<float> out(x.size());
        norm_rows({weight.data(), kEps}, {x.data(), size_t(width), rows}, width, out.data(), isa,
                  pool);
        if (first.empty()) first = out;
        REQUIRE(out == first);
      }
      std::vector<float> last(width);
      ThreadPool pool(1);
      norm_rows({weight.data(), kEps}, {&x[size_t(rows - 1) * width], size_t(width), 1}, width,
                last.data(), isa, pool);
      REQUIRE(last == std::vector<float>(first.end() - width, first.end()));
    }
    for (int row = 0; row < rows; ++row) {
      const auto expected = reference_norm(&x[size_t(row) * width], weight);
      for (int i = 0; i < width; ++i) {
        REQUIRE(first[size_t(row) * width + i] == doctest::Approx(expected[i]).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("the layer norm is that of float64, with the same bits everywhere, far from zero too") {
  std::mt19937 random(13);
  for (int width : kWidths) {
    const int rows = 9;
    auto x = random_rows(size_t(rows) * width, random);
    for (auto& value : x) value += 30;
    const auto weight = random_rows(width, random), bias = random_rows(width, random);
    for (const bool affine : {false, true}) {
      std::vector<float> first;
      for (Isa isa : supported_isas()) {
        CAPTURE(width);
        CAPTURE(isa_name(isa));
        for (int threads : {1, 3}) {
          ThreadPool pool(threads);
          std::vector<float> out(x.size());
          norm_rows({affine ? weight.data() : nullptr, kEps, true, affine ? bias.data() : nullptr},
                    {x.data(), size_t(width), rows}, width, out.data(), isa, pool);
          if (first.empty()) first = out;
          REQUIRE(out == first);
        }
      }
      for (int row = 0; row < rows; ++row) {
        const auto expected = reference_layer_norm(&x[size_t(row) * width], width);
        for (int i = 0; i < width; ++i) {
          const double of_unit = affine ? expected[i] * weight[i] + bias[i] : expected[i];
          REQUIRE(std::abs(first[size_t(row) * width + i] - of_unit) < 1e-4);
        }
      }
    }
  }
}

TEST_CASE("what joins the residual stream is normed if asked, scaled, and added") {
  std::mt19937 random(14);
  const int rows = 9, width = 40;
  const auto y = random_rows(size_t(rows) * width, random), weight = random_rows(width, random);
  const auto residual = random_rows(size_t(rows) * width, random);
  for (const bool normed : {false, true}) {
    for (Isa isa : supported_isas()) {
      ThreadPool pool(2);
      auto joined = y;
      join_rows(normed ? std::optional(Norm{weight.data(), kEps}) : std::nullopt, 0.3f,
                {residual.data(), size_t(width), rows}, width, joined.data(), isa, pool);
      for (int row = 0; row < rows; ++row) {
        const auto norm = reference_norm(&y[size_t(row) * width], weight);
        for (int i = 0; i < width; ++i) {
          const size_t at = size_t(row) * width + i;
          const double expected = residual[at] + 0.3 * (normed ? norm[i] : double(y[at]));
          REQUIRE(std::abs(joined[at] - expected) < 1e-5);
        }
      }
    }
  }
}

TEST_CASE("the clamped activation of gpt-oss is that of float64, with the same bits everywhere") {
  std::mt19937 random(13);
  auto gate = random_rows(1000, random), up = random_rows(1000, random);
  for (auto& value : gate) value *= 6;
  for (auto& value : up) value *= 6;
  gate[0] = 500;
  gate[1] = -500;
  std::vector<float> first;
  for (Isa isa : supported_isas()) {
    ThreadPool pool(2);
    auto out = gate;
    glu(Activation::clamped_silu, out.data(), up.data(), out.size(), isa, pool);
    if (first.empty()) first = out;
    REQUIRE(out == first);
  }
  for (size_t i = 0; i < gate.size(); ++i) {
    const double g = std::min<double>(gate[i], 7), u = std::clamp<double>(up[i], -7, 7);
    const double expected = g / (1 + std::exp(-1.702 * g)) * (u + 1);
    REQUIRE(std::abs(first[i] - expected) <= 2e-6 * std::abs(expected) + 1e-6 * std::abs(g));
  }
}

TEST_CASE("gated activations are those of float64, with the same bits everywhere, and finite") {
  std::mt19937 random(12);
  for (const auto activation : {Activation::silu, Activation::gelu_tanh, Activation::gelu}) {
    for (int count : {1, 5, 16, 31, 576, 4096, 10000}) {
      auto gate = random_rows(count, random);
      for (auto& value : gate) value *= 20;
      gate[0] = 500;  // e^500 is past float32
      if (count > 2) gate[1] = -500;
      const auto up = random_rows(count, random);
      std::vector<float> first;
      for (Isa isa : supported_isas()) {
        CAPTURE(count);
        CAPTURE(isa_name(isa));
        for (int threads : {1, 2, 4}) {
          ThreadPool pool(threads);
          auto out = gate;
          glu(activation, out.data(), up.data(), out.size(), isa, pool);
          if (first.empty()) first = out;
          REQUIRE(out == first);
        }
      }
      for (int i = 0; i < count; ++i) {
        const double expected = reference_activation(activation, gate[i]) * up[i];
        CAPTURE(gate[i]);
        REQUIRE(std::abs(first[i] - expected) <=
                relative_error(activation, gate[i]) * std::abs(expected) + 1e-30);
      }
    }
  }
}
