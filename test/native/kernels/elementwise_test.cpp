// Norm and activation against float64, with the same bits on every instruction set, in any company
// and on any number of threads.
#include "kernels/cpu/elementwise.h"

#include <cmath>
#include <random>

#include "doctest/doctest.h"
#include "kernels/random_matrix.h"

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
        rms_norm({x.data(), size_t(width), rows}, weight.data(), width, kEps, out.data(), isa,
                 pool);
        if (first.empty()) first = out;
        REQUIRE(out == first);
      }
      std::vector<float> last(width);
      ThreadPool pool(1);
      rms_norm({&x[size_t(rows - 1) * width], size_t(width), 1}, weight.data(), width, kEps,
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

TEST_CASE("SwiGLU is that of float64, with the same bits everywhere, and does not overflow") {
  std::mt19937 random(12);
  for (int count : {1, 5, 16, 31, 576, 4096, 10000}) {
    auto gate = random_rows(count, random);
    for (auto& value : gate) value *= 20;
    gate[0] = 500;  // e^500 is past float32
    const auto up = random_rows(count, random);
    std::vector<float> first;
    for (Isa isa : supported_isas()) {
      CAPTURE(count);
      CAPTURE(isa_name(isa));
      for (int threads : {1, 2, 4}) {
        ThreadPool pool(threads);
        auto out = gate;
        swiglu(out.data(), up.data(), out.size(), isa, pool);
        if (first.empty()) first = out;
        REQUIRE(out == first);
      }
    }
    for (int i = 0; i < count; ++i) {
      const double expected = double(gate[i]) / (1 + std::exp(-double(gate[i]))) * up[i];
      REQUIRE(std::abs(first[i] - expected) <= 1e-6 * std::abs(expected) + 1e-30);
    }
  }
}
