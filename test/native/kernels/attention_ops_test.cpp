// Rope and attention in MLX's graph: the operation in place against MLX's own, which a GPU runs,
// and what must hold of a GPU's composition.
#include <algorithm>
#include <stdexcept>

#include "doctest/doctest.h"
#include "kernels/cached_attention.h"
#include "kernels/leaves.h"
#include "kernels/settings.h"
#include "kernels/work.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

namespace {

constexpr int kHeads = 6, kKvHeads = 2;

float largest_difference(const mx::array& a, const mx::array& b) {
  return mx::max(mx::abs(mx::subtract(mx::astype(a, mx::float32), mx::astype(b, mx::float32))))
      .item<float>();
}

bool same_bits(const mx::array& a, const mx::array& b) {
  return mx::array_equal(mx::view(a, mx::uint32), mx::view(b, mx::uint32)).item<bool>();
}

// Rows [from, from + count) of [T, heads * dim] -> [1, heads, count, dim].
mx::array heads_of(const mx::array& x, int from, int count, int dim) {
  const auto rows = mx::slice(x, {from, 0}, {from + count, x.shape(1)});
  return mx::expand_dims(mx::transpose(mx::reshape(rows, {count, -1, dim}), {1, 0, 2}), 0);
}

std::shared_ptr<KvTable> pages(const KvFormat& format, int count) {
  auto table = std::make_shared<KvTable>();
  for (int i = 0; i < count; ++i) table->pages.push_back(std::make_shared<KvPage>(format));
  return table;
}

struct Rows {
  mx::array q, k, v;

  Rows(int count, int dim)
      : q(mx::random::normal({count, kHeads * dim})),
        k(mx::random::normal({count, kKvHeads * dim})),
        v(mx::random::normal({count, kKvHeads * dim})) {
    mx::eval(q, k, v);
  }
};

std::vector<AttentionOptions> all_options() {
  const auto sinks = mx::random::normal({kHeads});
  return {{0.17f},
          {0.17f, 30},
          {0.17f, std::nullopt, 3.0f},
          {0.17f, std::nullopt, std::nullopt, sinks},
          {0.17f, 30, 3.0f, sinks}};
}

}  // namespace

TEST_CASE("two ragged steps in place agree with MLX's rope and attention of each sequence") {
  for (const auto [dim, rotated] : {std::pair{64, 64}, {24, 24}, {64, 24}, {24, 0}}) {
    for (bool traditional : {false, true}) {
      const Rope rope(rotated, traditional, 1e4f, 0.5f, {}, 1.25f);
      for (const AttentionOptions& options : all_options()) {
        CAPTURE(dim);
        CAPTURE(rotated);
        CAPTURE(traditional);
        const KvFormat format = kv_format(kKvHeads, dim);
        const auto a = pages(format, 3), b = pages(format, 1);
        const Rows rows(300 + 5 + 1 + 1, dim);
        const auto part = [](const mx::array& x, int from, int to) {
          return mx::slice(x, {from, 0}, {to, x.shape(1)});
        };
        const auto step = [&](int from, int to, const std::vector<CachedSegment>& segments) {
          return cached_attention(part(rows.q, from, to), part(rows.k, from, to),
                                  part(rows.v, from, to), segments, format, rope, options);
        };
        const auto first = step(0, 305, {{300, 0, a, {}, {}}, {5, 0, b, {}, {}}});
        const auto second =
            step(305, 307, {{1, 300, a, {}, *first.appended}, {1, 5, b, {}, *first.appended}});
        const auto expected = [&](std::vector<std::pair<int, int>> runs) {  // of a sequence's rows
          std::vector<mx::array> q, k, v;
          for (const auto& [from, count] : runs) {
            q.push_back(heads_of(rows.q, from, count, dim));
            k.push_back(heads_of(rows.k, from, count, dim));
            v.push_back(heads_of(rows.v, from, count, dim));
          }
          return attention(rope(mx::concatenate(q, 2), 0), rope(mx::concatenate(k, 2), 0),
                           mx::concatenate(v, 2), options);
        };
        const auto all_a = expected({{0, 300}, {305, 1}}), all_b = expected({{300, 5}, {306, 1}});
        CHECK(largest_difference(second.output,
                                 mx::concatenate({part(all_a, 300, 301), part(all_b, 5, 6)}, 0)) <
              2e-5f);
        CHECK(largest_difference(first.output,
                                 mx::concatenate({part(all_a, 0, 300), part(all_b, 0, 5)}, 0)) <
              2e-5f);
      }
    }
  }
}

TEST_CASE("appends of several steps that are evaluated at once follow each other") {
  const int dim = 32;
  const Rope rope(dim, false, 1e4f, 1, {});
  const KvFormat format = kv_format(kKvHeads, dim);
  const Rows rows(12, dim);
  const auto expected = cached_attention(rows.q, rows.k, rows.v,
                                         {{12, 0, pages(format, 1), {}, {}}}, format, rope, {0.2f});
  const auto table = pages(format, 1);
  std::vector<mx::array> outputs;
  std::optional<mx::array> appended;
  for (int i = 0; i < 12; ++i) {
    const auto row = [i](const mx::array& x) { return mx::slice(x, {i, 0}, {i + 1, x.shape(1)}); };
    const auto step = cached_attention(row(rows.q), row(rows.k), row(rows.v),
                                       {{1, i, table, {}, appended}}, format, rope, {0.2f});
    outputs.insert(outputs.begin(), step.output);  // asked for in the wrong order
    appended = *step.appended;
  }
  std::reverse(outputs.begin(), outputs.end());
  CHECK(same_bits(mx::concatenate(outputs, 0), expected.output));
}

TEST_CASE("attention takes the projections and norms of heads before it into itself") {
  constexpr int kDim = 16;
  const auto matrix = [](int rows) {
    return WeightMatrix(mx::random::normal({rows, 32}), mx::float32);
  };
  const WeightMatrix q = matrix(kHeads * kDim), k = matrix(kKvHeads * kDim),
                     v = matrix(kKvHeads * kDim);
  const auto x = mx::random::normal({5, 32}), weight = mx::random::normal({kDim});
  mx::eval(x, weight);
  const KvFormat format = kv_format(kKvHeads, kDim);
  const auto attend = [&](std::vector<mx::array> qkv, bool apart) {
    for (const int i : {0, 1}) qkv[i] = norm(qkv[i], {weight, 1e-5f});
    if (apart) mx::eval(qkv);
    const uint64_t before = work_done().operations;
    const auto out = cached_attention(qkv[0], qkv[1], qkv[2], {{5, 0, pages(format, 1), {}, {}}},
                                      format, Rope(kDim, false, 1e4f, 1, {}), {0.25f});
    mx::eval(out.output);
    CHECK(work_done().operations - before == 1);
    return out.output;
  };
  CHECK(same_bits(attend(norm_linears(x, {}, {q, k, v}), false),
                  attend(norm_linears(x, {}, {q, k, v}), true)));
  const auto made = norm_linears(x, {}, {q, v, k}), made_too = norm_linears(x, {}, {q, v, k});
  CHECK(same_bits(attend({made[0], made[2], made[1]}, false),
                  attend({made_too[0], made_too[2], made_too[1]}, true)));
}

TEST_CASE("a block is one operation, its pages are written when it is done") {
  constexpr int kDim = 16, kWidth = kHeads * kDim, kKvWidth = kKvHeads * kDim;
  const auto matrix = [](int rows, int columns) {
    return WeightMatrix(mx::random::normal({rows, columns}), mx::float32);
  };
  const WeightMatrix q = matrix(kWidth, 32), k = matrix(kKvWidth, 32), v = matrix(kKvWidth, 32),
                     out = matrix(32, kWidth), gate = matrix(48, 32), up = matrix(48, 32),
                     down = matrix(32, 48);
  const auto weight = mx::random::normal({32}), x = mx::random::normal({1, 32});
  mx::eval(weight, x);
  const NormLayer norm{weight, 1e-5f};
  const KvFormat format = kv_format(kKvHeads, kDim);
  const auto half = [&](const mx::array& x, const CachedSegment& segment) {
    const auto qkv = norm_linears(x, norm, {q, k, v});
    const auto attention = cached_attention(qkv[0], qkv[1], qkv[2], {segment}, format,
                                            Rope(kDim, false, 1e4f, 1, {}), {0.25f});
    return std::pair(linear_add(out, attention.output, x), attention.appended);
  };
  const auto mlp = [&](const mx::array& x, const mx::array& residual) {
    return linear_add(down, norm_glu(Activation::silu, x, norm, gate, up), residual);
  };
  const auto operations_of = [](const mx::array& y) {
    const uint64_t before = work_done().operations;
    mx::eval(y);
    return work_done().operations - before;
  };
  const auto table = pages(format, 1), other = pages(format, 1);
  const auto [h, written] = half(x, {1, 0, table, {}, {}});
  const mx::array together = mlp(h, h);
  CHECK(operations_of(*written) == 1);
  CHECK(operations_of(together) == 0);
  const auto [apart, written_apart] = half(x, {1, 0, other, {}, {}});
  CHECK(operations_of(*written_apart) == 1);
  CHECK(operations_of(apart) == 0);
  CHECK(same_bits(mlp(apart, apart), together));
  // The next block of a parallel one begins with what both halves began with.
  const auto [parallel, unused] = half(x, {1, 1, table, {}, *written});
  CHECK(operations_of(mlp(x, parallel)) == 2);
  const auto [next, also_unused] = half(x, {1, 1, other, {}, *written_apart});
  CHECK(same_bits(mlp(x, parallel), mlp(x, next)));
}

TEST_CASE("a page that others hold is copied after what it waits for was written") {
  const int dim = 16;
  const Rope rope(dim, false, 1e4f, 1, {});
  const KvFormat format = kv_format(kKvHeads, dim);
  const Rows rows(9, dim);
  const auto table = pages(format, 1), own = pages(format, 1);
  const auto part = [](const mx::array& x, int from, int to) {
    return mx::slice(x, {from, 0}, {to, x.shape(1)});
  };
  const auto step = [&](int from, int to, const CachedSegment& segment) {
    return cached_attention(part(rows.q, from, to), part(rows.k, from, to), part(rows.v, from, to),
                            {segment}, format, rope, {0.2f});
  };
  const auto first = step(0, 8, {8, 0, table, {}, {}});
  const auto apart = step(8, 9, {1, 8, own, table->page(0), *first.appended});
  const auto same = step(8, 9, {1, 8, table, {}, *first.appended});
  CHECK(same_bits(apart.output, same.output));
}

TEST_CASE("precision decides how pages hold keys and values") {
  CHECK(kv_format(3, 64) == KvFormat{3, 64, cpu::KvType::f32});
  for (Precision less : {Precision::balanced, Precision::fast}) {
    set_precision(less);
    CHECK(kv_format(3, 64) == KvFormat{3, 64, cpu::KvType::f16});
  }
  set_precision(Precision::exact);
  CHECK(can_attend_in_place(mx::float32));
  CHECK_FALSE(can_attend_in_place(mx::bfloat16));
}

TEST_CASE("shapes that do not fit are refused") {
  const auto q = mx::zeros({1, 4, 1, 32});
  auto refused = [&](const mx::array& keys, const mx::array& values) {
    CHECK_THROWS_WITH_AS(attention(q, keys, values, {1}), doctest::Contains("do not fit"),
                         std::invalid_argument);
  };
  refused(mx::zeros({1, 3, 5, 32}), mx::zeros({1, 3, 5, 32}));
  refused(mx::zeros({1, 2, 5, 16}), mx::zeros({1, 2, 5, 16}));
  refused(mx::zeros({1, 2, 5, 32}), mx::zeros({1, 2, 4, 32}));
  refused(mx::zeros({1, 2, 0, 32}), mx::zeros({1, 2, 0, 32}));
}
