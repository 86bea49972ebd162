// The matmul kernels of every instruction set that this machine has: right, and the same bits in
// any batch.
#include "kernels/cpu/matmul.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>

#include "doctest/doctest.h"
#include "kernels/cpu/random_matrix.h"

using namespace mlxd::kernels::cpu;
using mlxd::kernels::Precision;

namespace {

constexpr float kUntouched = -123.25f;

// What is multiplied, and how.
struct Way {
  Isa isa;
  Precision precision;
};

std::vector<Way> all_ways() {
  std::vector<Way> ways;
  for (Isa isa : supported_isas()) {
    for (auto precision : {Precision::exact, Precision::balanced, Precision::fast}) {
      ways.push_back({isa, precision});
    }
  }
  return ways;
}

std::string name(const Way& way) {
  return std::string(isa_name(way.isa)) + " " + std::to_string(static_cast<int>(way.precision));
}

// y [count, rows of w], with a margin behind that must stay untouched.
std::vector<float> multiply(const PackedMatrix& w, const std::vector<float>& x, int count,
                            const Way& way, ThreadPool& pool) {
  const size_t size = size_t(count) * w.format().rows;
  std::vector<float> y(size + 64, kUntouched);
  matmul({{&w}, y.data()}, {{x.data(), size_t(w.format().columns), count}},
         {way.precision, way.isa, pool});
  for (size_t i = size; i < y.size(); ++i) REQUIRE(y[i] == kUntouched);
  y.resize(size);
  return y;
}

// By how much an element of a group whose largest magnitude is `largest` may be rounded.
double rounding(Precision precision, double largest) {
  if (precision == Precision::exact) return 0;
  return 0.50001 * std::max(largest / (precision == Precision::fast ? 127 : 32639), 0x1p-126);
}

// The largest error in units of what rounding may bring: that of x to integers, and that of floats,
// where each term passes through at most group + groups + 16 roundings.
double worst_error(const RandomMatrix& matrix, const std::vector<float>& x, int count,
                   const std::vector<float>& y, Precision precision) {
  const auto& f = matrix.format;
  const double roundings = 2.0 * (f.group_size + f.columns / f.group_size) + 16;
  double worst = 0;
  for (int t = 0; t < count; ++t) {
    std::vector<double> rounded;  // for each group
    for (int k = 0; k < f.columns; k += f.group_size) {
      double largest = 0;
      for (int i = k; i < std::min(k + f.group_size, f.columns); ++i) {
        largest = std::max<double>(largest, std::abs(x[size_t(t) * f.columns + i]));
      }
      const bool dense = f.encoding == Encoding::dense;
      rounded.push_back(rounding(dense ? Precision::exact : precision, largest));
    }
    for (int n = 0; n < f.rows; ++n) {
      double exact = 0, allowed = roundings * 0x1p-149;
      for (int k = 0; k < f.columns; ++k) {
        const double xk = x[size_t(t) * f.columns + k];
        const size_t i = size_t(n) * f.columns + k;
        const double error = rounded[k / f.group_size];
        exact += xk * matrix.values[i];
        allowed += std::abs(matrix.values[i]) * error +
                   roundings * 0x1p-24 * (std::abs(xk) + error) * matrix.coarse[i];
      }
      worst = std::max(worst, std::abs(y[size_t(t) * f.rows + n] - exact) / allowed);
    }
  }
  return worst;
}

bool same_bits(const float* a, const float* b, size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

// Rows 3, 11 and 12 of 20 have something that is not finite.
void check_spoiled_rows(const PackedMatrix& packed, const Way& way, std::mt19937& random,
                        ThreadPool& pool) {
  CAPTURE(name(way));
  auto x = random_rows(20 * 96, random);
  const auto before = multiply(packed, x, 20, way, pool);
  x[3 * 96 + 95] = NAN;
  x[11 * 96] = INFINITY;
  x[12 * 96 + 40] = -INFINITY;
  const auto after = multiply(packed, x, 20, way, pool);
  for (int t = 0; t < 20; ++t) {
    const float* row = after.data() + t * 50;
    if (t == 3 || t == 11 || t == 12) {
      CHECK(std::none_of(row, row + 50, [](float value) { return std::isfinite(value); }));
    } else {
      CHECK(same_bits(row, before.data() + t * 50, 50));
    }
  }
}

}  // namespace

TEST_CASE("products agree with double precision") {
  std::mt19937 random(3);
  ThreadPool pool(2);
  for (const Way& way : all_ways()) {
    CAPTURE(name(way));
    for (int bits : {2, 3, 4, 5, 6, 8}) {
      for (int group : {32, 64, 128}) {
        for (auto type : {ScaleType::f16, ScaleType::bf16, ScaleType::f32}) {
          const int rows = 1 + random() % 150, groups = 1 + random() % 5;
          const RandomMatrix matrix({rows, groups * group, group, bits, type}, random);
          const PackedMatrix packed = matrix.pack(pool);
          for (int count : {1, 2, 3, 5, int(6 + random() % 30)}) {
            const auto x = random_rows(size_t(count) * groups * group, random);
            CAPTURE(bits);
            CAPTURE(group);
            CAPTURE(int(type));
            CAPTURE(rows);
            CAPTURE(groups);
            CAPTURE(count);
            CHECK(worst_error(matrix, x, count, multiply(packed, x, count, way, pool),
                              way.precision) < 1);
          }
        }
      }
    }
  }
}

TEST_CASE("products with weights that are floats agree with double precision") {
  std::mt19937 random(13);
  ThreadPool pool(2);
  for (const Way& way : all_ways()) {
    CAPTURE(name(way));
    for (const int columns : {32, 352}) {
      for (const MatrixFormat& format : float_formats(1 + random() % 150, columns)) {
        const RandomMatrix matrix(format, random);
        const PackedMatrix packed = matrix.pack(pool);
        for (int count : {1, 2, 5, int(6 + random() % 30)}) {
          const auto x = random_rows(size_t(count) * columns, random);
          CAPTURE(format.bits);
          CAPTURE(format.group_size);
          CAPTURE(count);
          CHECK(worst_error(matrix, x, count, multiply(packed, x, count, way, pool),
                            way.precision) < 1);
        }
      }
    }
    for (auto type : {ScaleType::f16, ScaleType::bf16, ScaleType::f32}) {
      for (const int columns : {1, 63, 64, 65, 300}) {
        const RandomMatrix matrix(dense_format(1 + random() % 150, columns, type), random);
        const PackedMatrix packed = matrix.pack(pool);
        for (int count : {1, 2, 5, int(6 + random() % 30)}) {
          const auto x = random_rows(size_t(count) * columns, random);
          CAPTURE(int(type));
          CAPTURE(columns);
          CAPTURE(count);
          CHECK(worst_error(matrix, x, count, multiply(packed, x, count, way, pool),
                            way.precision) < 1);
        }
      }
    }
  }
}

TEST_CASE("every number of rows and outputs is computed, and no more") {
  std::mt19937 random(4);
  ThreadPool pool(2);
  for (const Way& way : all_ways()) {
    CAPTURE(name(way));
    for (int rows : {1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65}) {
      const auto all = formats(rows, 64);
      const RandomMatrix matrix(all[random() % all.size()], random);
      const PackedMatrix packed = matrix.pack(pool);
      for (int count = 1; count <= 70; ++count) {
        const auto x = random_rows(size_t(count) * 64, random);
        CAPTURE(rows);
        CAPTURE(count);
        REQUIRE(worst_error(matrix, x, count, multiply(packed, x, count, way, pool),
                            way.precision) < 1);
      }
    }
  }
}

TEST_CASE("a row has the same bits in any batch, on any number of threads") {
  std::mt19937 random(5);
  ThreadPool alone(1);
  for (const Way& way : all_ways()) {
    CAPTURE(name(way));
    const int rows = 133, columns = 320, most = 300;
    for (const MatrixFormat& format : formats(rows, columns, 64)) {
      CAPTURE(format.bits);
      const RandomMatrix matrix(format, random);
      const PackedMatrix packed = matrix.pack(alone);
      const auto x = random_rows(size_t(most) * columns, random);
      std::vector<float> one_by_one;
      for (int t = 0; t < most; ++t) {
        const std::vector<float> row(x.begin() + t * columns, x.begin() + (t + 1) * columns);
        const auto y = multiply(packed, row, 1, way, alone);
        one_by_one.insert(one_by_one.end(), y.begin(), y.end());
      }
      for (int threads : {1, 2, 3, 4}) {
        ThreadPool pool(threads);
        for (int count : {2, 3, 4, 5, 7, 8, 12, 13, 16, 25, 64, most}) {
          const auto y = multiply(packed, x, count, way, pool);
          CAPTURE(threads);
          CAPTURE(count);
          REQUIRE(same_bits(y.data(), one_by_one.data(), y.size()));
        }
      }
    }
  }
}

TEST_CASE("many rows of 4-bit weights have the bits that each has alone") {
  std::mt19937 random(16);
  ThreadPool pool(1);
  for (int group : {32, 64, 128}) {
    for (auto type : {ScaleType::f16, ScaleType::bf16, ScaleType::f32}) {
      const int rows = 45, columns = 3 * group, most = 99;
      const PackedMatrix packed = RandomMatrix({rows, columns, group, 4, type}, random).pack(pool);
      const auto x = random_rows(size_t(most) * columns, random);
      const Way way{best_isa(), Precision::balanced};
      const auto expected = multiply(packed, x, most, way, pool);
      for (int count = 1; count < most; ++count) {
        const std::vector<float> last(x.end() - size_t(count) * columns, x.end());
        CAPTURE(count);
        const auto y = multiply(packed, last, count, way, pool);
        REQUIRE(same_bits(y.data(), &expected[(most - count) * rows], y.size()));
      }
    }
  }
}

TEST_CASE("a block of x larger than a cache gives the same bits") {
  std::mt19937 random(6);
  ThreadPool pool(2);
  const int columns = 4096, count = 150;  // more than one row block
  const RandomMatrix matrix({40, columns, 128, 4, ScaleType::bf16}, random);
  const PackedMatrix packed = matrix.pack(pool);
  const auto x = random_rows(size_t(count) * columns, random);
  const Way way{best_isa(), Precision::exact};
  const auto y = multiply(packed, x, count, way, pool);
  for (int t : {0, 63, 64, 101, count - 1}) {
    const std::vector<float> row(x.begin() + t * columns, x.begin() + (t + 1) * columns);
    CHECK(same_bits(y.data() + t * 40, multiply(packed, row, 1, way, pool).data(), 40));
  }
}

TEST_CASE("instruction sets agree in every bit, however many rows, but for scalar floats") {
  std::mt19937 random(7);
  ThreadPool pool(1);
  for (const MatrixFormat& format : formats(100, 256)) {
    CAPTURE(format.bits);
    const RandomMatrix matrix(format, random);
    const PackedMatrix packed = matrix.pack(pool);
    const auto x = random_rows(9 * 256, random);
    const auto isas = supported_isas();
    for (auto precision : {Precision::exact, Precision::balanced, Precision::fast}) {
      const bool floats = precision == Precision::exact || format.encoding == Encoding::dense ||
                          format.encoding == Encoding::float8;
      for (size_t i = floats ? 2 : 1; i < isas.size(); ++i) {
        CAPTURE(name({isas[i], precision}));
        const auto expected = multiply(packed, x, 9, {isas[i - 1], precision}, pool);
        for (int count : {1, 2, 3, 4, 9}) {
          const auto y = multiply(packed, x, count, {isas[i], precision}, pool);
          CHECK(same_bits(y.data(), expected.data(), y.size()));
        }
      }
    }
  }
}

TEST_CASE("the largest dot products fit") {
  std::mt19937 random(12);
  ThreadPool pool(1);
  for (int bits : {2, 3, 4, 5, 6, 8}) {
    RandomMatrix matrix({32, 128, 128, bits, ScaleType::f16}, random);
    std::fill(matrix.weight.begin(), matrix.weight.end(), 0xffffffff);
    matrix.decode();
    const PackedMatrix packed = matrix.pack(pool);
    for (float value : {1.0f, -1.0f, 3e4f}) {
      const std::vector<float> x(20 * 128, value);
      for (const Way& way : all_ways()) {
        CAPTURE(name(way));
        CAPTURE(bits);
        for (int count : {1, 20}) {
          const auto y = multiply(packed, x, count, way, pool);
          CHECK(worst_error(matrix, x, count, y, way.precision) < 1);
        }
      }
    }
  }
}

TEST_CASE("denormals are computed, not flushed") {
  std::mt19937 random(8);
  ThreadPool pool(2);
  for (const Way& way : all_ways()) {
    CAPTURE(name(way));
    for (const MatrixFormat& format : formats(32, 64)) {
      CAPTURE(format.bits);
      const RandomMatrix matrix(format, random);
      auto x = random_rows(2 * 64, random);
      for (auto& value : x) value *= 0x1p-135f;
      const auto y = multiply(matrix.pack(pool), x, 2, way, pool);
      CHECK(worst_error(matrix, x, 2, y, way.precision) < 1);
      if (way.precision != Precision::exact) continue;  // their smallest step is 2^-126
      CHECK(std::any_of(y.begin(), y.end(), [](float value) { return value != 0; }));
    }
  }
}

TEST_CASE("a non-finite input spoils its own row, all of it, and no other") {
  std::mt19937 random(9);
  ThreadPool pool(2);
  for (const MatrixFormat& format : formats(50, 96)) {
    const RandomMatrix matrix(format, random);
    const PackedMatrix packed = matrix.pack(pool);
    for (const Way& way : all_ways()) check_spoiled_rows(packed, way, random, pool);
  }
}

TEST_CASE("rows may lie apart, and there may be none") {
  std::mt19937 random(10);
  ThreadPool pool(2);
  const RandomMatrix matrix({20, 64, 32, 8, ScaleType::f16}, random);
  const PackedMatrix packed = matrix.pack(pool);
  const auto wide = random_rows(6 * 100, random);
  std::vector<float> close;
  for (int t = 0; t < 6; ++t) close.insert(close.end(), &wide[t * 100], &wide[t * 100] + 64);
  for (auto precision : {Precision::exact, Precision::balanced}) {
    std::vector<float> y(6 * 20);
    const Product product{{&packed}, y.data()};
    matmul(product, {{wide.data(), 100, 6}}, {precision, best_isa(), pool});
    CHECK(y == multiply(packed, close, 6, {best_isa(), precision}, pool));
    matmul(product, {{wide.data(), 100, 0}}, {precision, best_isa(), pool});
  }
}

TEST_CASE("matrices of any formats share a loop, with the bits that each gives alone") {
  std::mt19937 random(14);
  ThreadPool alone(1), pool(3);
  const int columns = 128, count = 13;
  std::deque<PackedMatrix> matrices;
  for (int rows : {70, 5}) {
    for (const MatrixFormat& format : formats(rows, columns, rows == 5 ? 64 : 32)) {
      const RandomMatrix matrix(format, random);
      matrices.emplace_back(format, matrix.weight.data(), matrix.scales.bytes.data(),
                            matrix.biases.bytes.data(), alone);
    }
  }
  const auto x = random_rows(size_t(count) * columns, random);
  for (const Way& way : all_ways()) {
    CAPTURE(name(way));
    std::vector<std::vector<float>> results;
    std::vector<Product> products;
    for (const auto& w : matrices) {
      products.push_back({{&w}, results.emplace_back(size_t(count) * w.format().rows).data()});
    }
    matmuls(products, {{x.data(), columns, count}}, {way.precision, way.isa, pool});
    for (size_t i = 0; i < results.size(); ++i) {
      CAPTURE(i);
      REQUIRE(results[i] == multiply(matrices[i], x, count, way, alone));
    }
  }
}

TEST_CASE("a norm before, a bias and a residual or an activation after are those of float64") {
  std::mt19937 random(15);
  ThreadPool pool(2);
  const int rows = 70, columns = 128, count = 13;
  const RandomMatrix a({rows, columns, 32, 4, ScaleType::f16}, random);
  const RandomMatrix b({rows, columns, 64, 8, ScaleType::f16}, random);
  const PackedMatrix first = a.pack(pool), second = b.pack(pool);
  const auto x = random_rows(count * columns, random), weight = random_rows(columns, random);
  const auto residual = random_rows(count * rows, random), bias = random_rows(rows, random);
  const Input input{{x.data(), columns, count}, Norm{weight.data(), 1e-5f}};
  for (const Way& way : all_ways()) {
    if (way.precision == Precision::fast) continue;  // rounds too much for a bound to mean anything
    CAPTURE(name(way));
    std::vector<float> added(residual.size()), active(residual.size());
    const Compute how{way.precision, way.isa, pool};
    const Layer gate_layer{&first, bias.data()};
    matmul_add({gate_layer, added.data()}, input, {residual.data(), rows, count}, how);
    matmul_glu(Activation::silu, {gate_layer, active.data()}, {&second}, input, how);
    for (int t = 0; t < count; ++t) {
      double squares = 0;
      for (int k = 0; k < columns; ++k) squares += double(x[t * columns + k]) * x[t * columns + k];
      const double scale = 1 / std::sqrt(squares / columns + 1e-5);
      for (int n = 0; n < rows; ++n) {
        double gate = bias[n], up = 0;
        for (int k = 0; k < columns; ++k) {
          const double normed = x[t * columns + k] * scale * weight[k];
          gate += normed * a.values[n * columns + k];
          up += normed * b.values[n * columns + k];
        }
        const int at = t * rows + n;
        CHECK(std::abs(added[at] - (residual[at] + gate)) < 1e-2);
        CHECK(std::abs(active[at] - gate / (1 + std::exp(-gate)) * up) <
              2e-3 * (1 + std::abs(gate) + std::abs(up)));
      }
    }
  }
}
