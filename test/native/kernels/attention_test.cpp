// Rotary embedding and attention kernels: against double precision, and the same bits however a
// prompt is cut.
#include "kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "doctest/doctest.h"
#include "kernels/cpu/rope.h"

using namespace mlxd::kernels::cpu;

namespace {

std::vector<float> normal(size_t count, std::mt19937& random, float deviation = 1) {
  std::normal_distribution<float> distribution(0, deviation);
  std::vector<float> values(count);
  for (auto& value : values) value = distribution(random);
  return values;
}

// One sequence: q [positions, heads, dim], keys and values [kv_heads, positions + 3, dim], so that
// strides differ and a margin lies behind each key head.
struct Sequence {
  int heads, kv_heads, dim, positions;
  std::vector<float> q, keys, values;

  Sequence(int heads, int kv_heads, int dim, int positions, std::mt19937& random)
      : heads(heads),
        kv_heads(kv_heads),
        dim(dim),
        positions(positions),
        q(normal(size_t(positions) * heads * dim, random)),
        keys(normal(size_t(kv_heads) * (positions + 3) * dim, random)),
        values(normal(size_t(kv_heads) * (positions + 3) * dim, random)) {}

  // Of positions first .. first + queries - 1, where keys before `dropped` are gone.
  std::vector<float> attend_to(int first, int queries, int window, Isa isa, ThreadPool& pool,
                               int dropped = 0) const {
    const ptrdiff_t head = ptrdiff_t(positions + 3) * dim;
    const Attention attention{
        .q = {q.data() + ptrdiff_t(first) * heads * dim, dim, ptrdiff_t(heads) * dim},
        .keys = {keys.data() + dropped * dim, head, dim},
        .values = {values.data() + dropped * dim, head, dim},
        .heads = heads,
        .kv_heads = kv_heads,
        .dim = dim,
        .queries = queries,
        .positions = first + queries - dropped,
        .window = window,
        .scale = 1 / std::sqrt(static_cast<float>(dim))};
    std::vector<float> out(size_t(queries) * heads * dim);
    attend(attention, out.data(), isa, pool);
    return out;
  }

  double reference(int position, int head, int column, int window) const {
    const size_t kv = size_t(head / (heads / kv_heads)) * (positions + 3);
    double sum = 0, total = 0;
    for (int key = window ? std::max(0, position - window + 1) : 0; key <= position; ++key) {
      double score = 0;
      for (int d = 0; d < dim; ++d) {
        score +=
            double(q[(size_t(position) * heads + head) * dim + d]) * keys[(kv + key) * dim + d];
      }
      const double weight = std::exp(score / std::sqrt(double(dim)));
      sum += weight;
      total += weight * values[(kv + key) * dim + column];
    }
    return total / sum;
  }
};

}  // namespace

TEST_CASE("attention agrees with double precision") {
  std::mt19937 random(21);
  ThreadPool pool(2);
  for (Isa isa : supported_isas()) {
    CAPTURE(isa_name(isa));
    for (auto [heads, kv_heads, dim] :
         {std::tuple{9, 3, 64}, {4, 4, 16}, {8, 1, 80}, {2, 1, 256}}) {
      for (int positions : {1, 15, 17, 256, 257, 600}) {
        const Sequence sequence(heads, kv_heads, dim, positions, random);
        for (int window : {0, 1, 40, 300}) {
          const auto out = sequence.attend_to(0, positions, window, isa, pool);
          double worst = 0;
          for (int i = 0; i < 200; ++i) {
            const size_t at = random() % out.size();
            const int column = at % dim, head = at / dim % heads, position = at / dim / heads;
            worst = std::max(
                worst, std::abs(out[at] - sequence.reference(position, head, column, window)));
          }
          CAPTURE(dim);
          CAPTURE(positions);
          CAPTURE(window);
          CHECK(worst < 3e-6);
        }
      }
    }
  }
}

TEST_CASE("attention has the same bits on every instruction set and number of threads") {
  std::mt19937 random(22);
  ThreadPool pool(1);
  const Sequence sequence(6, 2, 64, 530, random);
  const auto expected = sequence.attend_to(500, 30, 0, Isa::scalar, pool);
  for (Isa isa : supported_isas()) {
    CAPTURE(isa_name(isa));
    for (int threads : {1, 2, 3, 4}) {
      ThreadPool some(threads);
      CHECK(sequence.attend_to(500, 30, 0, isa, some) == expected);
    }
  }
}

TEST_CASE("attention has the same bits however a prompt is cut and whatever the cache dropped") {
  std::mt19937 random(23);
  ThreadPool pool(2);
  const Sequence sequence(3, 1, 64, 700, random);
  for (int window : {0, 300}) {
    CAPTURE(window);
    const auto whole = sequence.attend_to(0, 700, window, best_isa(), pool);
    for (int chunk : {1, 37, 256, 699}) {
      CAPTURE(chunk);
      std::vector<float> parts;
      for (int first = 0; first < 700; first += chunk) {
        const int dropped = window ? std::max(0, first - window - first % 5 + 1) : 0;
        const auto part = sequence.attend_to(first, std::min(chunk, 700 - first), window,
                                             best_isa(), pool, dropped);
        parts.insert(parts.end(), part.begin(), part.end());
      }
      REQUIRE(parts == whole);
    }
  }
}

TEST_CASE("large scores do not overflow, and not-a-number stays in its row and head") {
  std::mt19937 random(24);
  ThreadPool pool(2);
  Sequence sequence(4, 2, 32, 20, random);
  for (auto& value : sequence.q) value *= 1e4f;
  const auto before = sequence.attend_to(0, 20, 0, best_isa(), pool);
  CHECK(
      std::all_of(before.begin(), before.end(), [](float value) { return std::isfinite(value); }));
  sequence.q[(7 * 4 + 1) * 32 + 5] = NAN;  // position 7, head 1
  const auto after = sequence.attend_to(0, 20, 0, best_isa(), pool);
  for (size_t i = 0; i < after.size(); ++i) {
    const bool spoiled = i / 32 == 7 * 4 + 1;
    REQUIRE((spoiled ? std::isnan(after[i]) : after[i] == before[i]));
  }
}

TEST_CASE("rotation agrees with its definition, position by position") {
  std::mt19937 random(25);
  ThreadPool pool(2);
  const int heads = 3, rows = 7, dim = 32;
  const auto x = normal(size_t(heads) * rows * dim, random);
  for (bool traditional : {false, true}) {
    CAPTURE(traditional);
    Rope rope{{}, traditional};
    for (int i = 0; i < dim / 2; ++i) rope.frequencies.push_back(std::pow(1e4f, -2.0f * i / dim));
    std::vector<float> out(x.size()), one(dim);
    rotate(rope, {x.data(), rows * dim, dim}, heads, rows, 1000, out.data(), pool);
    for (int head = 0; head < heads; ++head) {
      for (int row = 0; row < rows; ++row) {
        const size_t at = size_t(head * rows + row) * dim;
        for (int i = 0; i < dim / 2; ++i) {
          const double angle = (1000.0 + row) * rope.frequencies[i];
          const size_t a = at + (traditional ? 2 * i : i),
                       b = at + (traditional ? 2 * i + 1 : i + 16);
          CHECK(std::abs(out[a] - (x[a] * std::cos(angle) - x[b] * std::sin(angle))) < 1e-6);
          CHECK(std::abs(out[b] - (x[a] * std::sin(angle) + x[b] * std::cos(angle))) < 1e-6);
        }
        rotate(rope, {&x[at], dim, dim}, 1, 1, 1000 + row, one.data(), pool);
        REQUIRE(std::equal(one.begin(), one.end(), out.begin() + at));
      }
    }
  }
}
