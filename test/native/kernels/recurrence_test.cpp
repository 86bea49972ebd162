// Linear recurrences against their definition in double, by our kernel and by MLX's operations; and
// the bits of a token however it comes.
#include "kernels/recurrence.h"

#include <cmath>
#include <random>

#include "doctest/doctest.h"
#include "kernels/settings.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

namespace {

// Widths that fill no vector, and heads that share keys.
constexpr RecurrenceShape kShape{4, 2, 21, 5};
constexpr int kTokens = 9;

mx::array uniform(std::mt19937& random, int columns, float least, float most) {
  std::uniform_real_distribution<float> number(least, most);
  std::vector<float> values(kTokens * columns);
  for (float& value : values) value = number(random);
  return mx::array(values.begin(), {kTokens, columns});
}

RecurrenceInputs random_inputs(bool delta) {
  std::mt19937 random(delta ? 11 : 12);
  const int keys = kShape.key_heads * kShape.keys, values = kShape.heads * kShape.values;
  RecurrenceInputs inputs{uniform(random, keys, -1, 1), uniform(random, keys, -0.4f, 0.4f),
                          uniform(random, values, -1, 1), uniform(random, kShape.heads, 0.5f, 1)};
  if (delta) inputs.beta = uniform(random, kShape.heads, 0, 1);
  return inputs;
}

RecurrenceInputs part(const RecurrenceInputs& all, int from, int to) {
  const auto rows = [&](const mx::array& x) { return mx::slice(x, {from, 0}, {to, x.shape(1)}); };
  RecurrenceInputs some{rows(all.q), rows(all.k), rows(all.v), rows(all.decay)};
  if (all.beta) some.beta = rows(*all.beta);
  return some;
}

double at(const mx::array& x, int row, int column) {
  return x.data<float>()[row * x.shape(1) + column];
}

// y [kTokens, heads * values] by the definition, one row of the state after the other.
std::vector<double> defined(const RecurrenceInputs& x) {
  const auto& s = kShape;
  std::vector<double> y(kTokens * s.heads * s.values);
  for (int row = 0; row < s.heads * s.values; ++row) {
    const int head = row / s.values, first = head / (s.heads / s.key_heads) * s.keys;
    std::vector<double> state(s.keys, 0.0);
    for (int t = 0; t < kTokens; ++t) {
      double known = 0, said = 0;
      for (int i = 0; i < s.keys; ++i) {
        state[i] *= at(x.decay, t, head);
        known += state[i] * at(x.k, t, first + i);
      }
      const double d = x.beta ? at(*x.beta, t, head) * (at(x.v, t, row) - known) : at(x.v, t, row);
      for (int i = 0; i < s.keys; ++i) {
        state[i] += d * at(x.k, t, first + i);
        said += state[i] * at(x.q, t, first + i);
      }
      y[t * s.heads * s.values + row] = said;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("a recurrence is what its definition says, by our kernel and by MLX's operations") {
  for (const KernelChoice choice : {KernelChoice::automatic, KernelChoice::mlx}) {
    set_kernels(choice);
    for (const bool delta : {false, true}) {
      const auto inputs = random_inputs(delta);
      mx::array y = recurrence(kShape, inputs, {{kTokens, std::nullopt}}).output;
      mx::eval(y);
      const auto expected = defined(inputs);
      for (size_t i = 0; i < expected.size(); ++i) {
        CHECK(y.data<float>()[i] == doctest::Approx(expected[i]).epsilon(1e-4));
      }
    }
  }
  set_kernels(KernelChoice::automatic);
}

TEST_CASE("a token has the same bits however tokens are cut, beside others, and from each state") {
  if (!use_own_kernels()) return;
  const auto inputs = random_inputs(true);
  const auto whole = recurrence(kShape, inputs, {{kTokens, std::nullopt}});
  const auto same = [](const mx::array& a, const mx::array& b) {
    return mx::array_equal(a, b).item<bool>();
  };
  const auto rows = [&](int from, int to) {
    return mx::slice(whole.output, {from, 0}, {to, whole.output.shape(1)});
  };
  const auto first = recurrence(kShape, part(inputs, 0, 5), {{5, std::nullopt}});
  CHECK(same(first.output, rows(0, 5)));
  REQUIRE(first.states[0].before_last);
  // The fifth token again, beside what follows it.
  const auto both = recurrence(kShape, part(inputs, 4, kTokens),
                               {{1, first.states[0].before_last}, {4, first.states[0].last}});
  CHECK(same(both.output, rows(4, kTokens)));
  CHECK(same(both.states[0].last, first.states[0].last));
  CHECK(same(both.states[1].last, whole.states[0].last));
  CHECK(same(*both.states[1].before_last, *whole.states[0].before_last));
  CHECK_FALSE(both.states[0].before_last);
  const int threads = mlxd::kernels::threads();
  set_threads(threads == 1 ? 2 : 1);
  CHECK(same(recurrence(kShape, inputs, {{kTokens, std::nullopt}}).output, whole.output));
  set_threads(threads);
}
