// Attention in place: the bits of rope, slice_update and attention one after another, for ragged
// steps, and whatever the threads.
#include "kernels/cached_attention.h"

#include "doctest/doctest.h"
#include "kernels/settings.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

namespace {

constexpr int kHeads = 6, kKvHeads = 2, kDim = 32, kCapacity = 600;
constexpr float kScale = 0.17f;

bool same_bits(const mx::array& a, const mx::array& b) {
  return mx::array_equal(mx::view(a, mx::uint32), mx::view(b, mx::uint32)).item<bool>();
}

mx::array buffer() { return mx::contiguous(mx::random::normal({1, kKvHeads, kCapacity, kDim})); }

// Rows [from, from + count) of [T, heads * dim] -> [1, heads, count, dim].
mx::array heads_of(const mx::array& x, int from, int count) {
  const auto rows = mx::slice(x, {from, 0}, {from + count, x.shape(1)});
  return mx::expand_dims(mx::transpose(mx::reshape(rows, {count, -1, kDim}), {1, 0, 2}), 0);
}

mx::array positions(const mx::array& x, int from, int to) {
  return mx::slice(x, {0, 0, from, 0}, {1, kKvHeads, to, kDim});
}

mx::array overwritten(const mx::array& x, const mx::array& update, int from, int to) {
  return mx::slice_update(x, update, mx::Shape{0, 0, from, 0}, mx::Shape{1, kKvHeads, to, kDim});
}

struct Step {
  mx::array q, k, v;
  std::vector<CachedSegment> segments;

  explicit Step(int rows)
      : q(mx::random::normal({rows, kHeads * kDim})),
        k(mx::random::normal({rows, kKvHeads * kDim})),
        v(mx::random::normal({rows, kKvHeads * kDim})) {}

  // One after another, into new arrays: what `cached_attention` must give.
  std::vector<mx::array> composed(const Rope& rope, std::optional<int> window) const {
    std::vector<mx::array> outputs{q}, parts;
    int row = 0;
    for (const auto& s : segments) {
      const auto keys =
          overwritten(s.keys, rope(heads_of(k, row, s.length), s.offset), s.end - s.length, s.end);
      const auto values =
          overwritten(s.values, heads_of(v, row, s.length), s.end - s.length, s.end);
      parts.push_back(attention(rope(heads_of(q, row, s.length), s.offset),
                                positions(keys, s.first, s.end), positions(values, s.first, s.end),
                                kScale, window));
      outputs.insert(outputs.end(), {keys, values});
      row += s.length;
    }
    outputs[0] = mx::concatenate(parts, 0);
    mx::eval(outputs);
    return outputs;
  }
};

// A decode batch beside a prefill chunk, of sequences of several lengths.
Step ragged_step() {
  Step step(1 + 5 + 1);
  step.segments = {{1, 40, buffer(), buffer(), 0, 41},
                   {5, 0, buffer(), buffer(), 0, 5},
                   {1, 900, buffer(), buffer(), 13, 533}};
  for (const auto& s : step.segments) mx::eval(s.keys, s.values);
  mx::eval(step.q, step.k, step.v);
  return step;
}

}  // namespace

TEST_CASE("a ragged step in place has the bits of its parts one after another") {
  const int threads_before = threads();
  for (bool traditional : {false, true}) {
    const Rope rope(kDim, traditional, 1e4f, 1, {});
    for (auto window : {std::optional<int>(), std::optional<int>(30)}) {
      for (int threads : {1, 2, 4}) {
        set_threads(threads);
        const Step step = ragged_step();
        REQUIRE(can_attend_in_place(step.q, rope));
        const auto expected = step.composed(rope, window);
        const auto outputs =
            cached_attention(step.q, step.k, step.v, step.segments, rope, kScale, window);
        REQUIRE(outputs.size() == expected.size());
        for (size_t i = 0; i < outputs.size(); ++i) CHECK(same_bits(outputs[i], expected[i]));
        const auto& given = step.segments[0].keys;
        CHECK(outputs[1].data<float>() == given.data<float>());  // in place
      }
    }
  }
  set_threads(threads_before);
}

TEST_CASE("appends of several steps that are evaluated at once follow each other") {
  const Rope rope(kDim, false, 1e4f, 1, {});
  const Step all(12);
  Step whole = all;
  whole.segments = {{12, 0, buffer(), buffer(), 0, 12}};
  const auto expected = whole.composed(rope, {});
  auto keys = buffer(), values = buffer();
  std::vector<mx::array> rows;
  for (int i = 0; i < 12; ++i) {
    const auto row = [i](const mx::array& x) { return mx::slice(x, {i, 0}, {i + 1, x.shape(1)}); };
    const auto outputs = cached_attention(row(all.q), row(all.k), row(all.v),
                                          {{1, i, keys, values, 0, i + 1}}, rope, kScale, {});
    rows.push_back(outputs[0]);
    keys = outputs[1];
    values = outputs[2];
  }
  CHECK(same_bits(mx::concatenate(rows, 0), expected[0]));
  CHECK(same_bits(positions(keys, 0, 12), positions(expected[1], 0, 12)));
}

TEST_CASE("heads of other sizes and other types are left to the composition") {
  CHECK_FALSE(can_attend_in_place(mx::zeros({1, 48}), Rope(24, false, 1e4f, 1, {})));
  CHECK_FALSE(can_attend_in_place(mx::zeros({1, 64}, mx::bfloat16), Rope(32, false, 1e4f, 1, {})));
}
