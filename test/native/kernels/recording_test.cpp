// A recorded stack of layers against the same layers as a graph of their own: the same bits, of any
// rows, sequences and order of evaluation; and what cannot be recorded.
#include "kernels/recording.h"

#include <optional>
#include <vector>

#include "doctest/doctest.h"
#include "kernels/glu.h"
#include "kernels/leaves.h"
#include "kernels/norm.h"
#include "kernels/settings.h"
#include "mlx/primitives.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

namespace {

constexpr int kWidth = 64, kHeads = 4, kKvHeads = 2, kDim = 16, kInner = 96, kLayers = 3;
constexpr float kEps = 1e-5f;

WeightMatrix random_matrix(int rows, int columns) {
  const auto parts = mx::quantize(mx::random::normal({rows, columns}), 32, 4);
  return {parts[0], parts[1], parts[2], {32, 4}};
}

mx::array random_vector(int size) {
  const auto x = mx::random::normal({size});
  mx::eval(x);
  return x;
}

// Norms of inputs and heads, attention, a gated MLP whose sum passes a norm, and one without gate.
struct Layer {
  mx::array before = random_vector(kWidth), head = random_vector(kDim),
            after = random_vector(kWidth);
  WeightMatrix q = random_matrix(kHeads * kDim, kWidth), k = random_matrix(kKvHeads * kDim, kWidth),
               v = random_matrix(kKvHeads * kDim, kWidth),
               out = random_matrix(kWidth, kHeads* kDim), gate = random_matrix(kInner, kWidth),
               up = random_matrix(kInner, kWidth), down = random_matrix(kWidth, kInner);

  mx::array operator()(const mx::array& x, const std::vector<CachedSegment>& segments) const {
    const auto qkv = norm_linears(x, NormLayer{before, kEps}, {q, k, v});
    const auto attention =
        cached_attention(norm(qkv[0], {head, kEps}), norm(qkv[1], {head, kEps}), qkv[2], segments,
                         kv_format(kKvHeads, kDim), Rope(kDim, false, 1e4f, 1, {}), {0.25f});
    const auto h = linear_add(out, attention.output, x);
    const auto inner = norm_glu(Activation::silu, h, NormLayer{before, kEps}, gate, up);
    const auto sum = linear_add(down, inner, h, {NormLayer{after, kEps}, 0.5f});
    const auto ungated = norm_linears(sum, {}, {gate})[0];
    return linear_add(down, activate(Activation::gelu_tanh, ungated), sum);
  }
};

std::shared_ptr<const KvTable> new_table() {
  auto table = std::make_shared<KvTable>();
  table->pages = {std::make_shared<KvPage>(kv_format(kKvHeads, kDim))};
  return table;
}

// Each layer's pages of some sequences.
class Sequences {
 public:
  explicit Sequences(std::vector<int> lengths) : lengths_(std::move(lengths)) {
    for (size_t i = 0; i < kLayers * lengths_.size(); ++i) tables_.push_back(new_table());
  }

  /// The next positions of all, for every layer in turn.
  std::vector<CachedSpan> spans() const {
    std::vector<CachedSpan> all;
    for (size_t i = 0; i < tables_.size(); ++i) {
      all.push_back({lengths_[i % lengths_.size()], 0, tables_[i], nullptr});
    }
    return all;
  }

  std::vector<CachedSegment> segments(int layer) const {
    std::vector<CachedSegment> own;
    const auto all = spans();
    const auto begin = all.begin() + layer * lengths_.size();
    for (auto s = begin; s != begin + lengths_.size(); ++s) own.push_back({*s, std::nullopt});
    return own;
  }

 private:
  std::vector<int> lengths_;
  std::vector<std::shared_ptr<const KvTable>> tables_;
};

using Layers = std::vector<Layer>;

mx::array run(const Layers& layers, mx::array x, const Sequences& sequences) {
  for (int i = 0; i < kLayers; ++i) x = layers[i](x, sequences.segments(i));
  return x;
}

mx::array rows(int count) {
  const auto x = mx::random::normal({count, kWidth});
  mx::eval(x);
  return x;
}

template <class Make>
std::shared_ptr<const Recording> recorded(const Make& make) {
  const auto x = rows(1);
  const RecordingScope scope;
  return record(x, make(x));
}

bool same_bits(const mx::array& a, const mx::array& b) {
  return mx::array_equal(mx::view(a, mx::uint32), mx::view(b, mx::uint32)).item<bool>();
}

}  // namespace

TEST_CASE("a recording gives the bits of its layers, whatever rows and sequences it is given") {
  for (const Precision precision : {Precision::exact, Precision::balanced, Precision::fast}) {
    set_precision(precision);
    const Layers layers(kLayers);
    const auto recording =
        recorded([&](const mx::array& x) { return run(layers, x, Sequences({1})); });
    REQUIRE(recording);
    CHECK(attentions(*recording) == kLayers);
    for (const std::vector<int>& lengths : {std::vector{1}, {7}, {1, 1, 1}, {3, 40, 1}}) {
      int count = 0;
      for (const int length : lengths) count += length;
      CAPTURE(count);
      const auto x = rows(count);
      const auto y = replay(recording, x, Sequences(lengths).spans(), {});
      CHECK(y.shape() == x.shape());
      CHECK(same_bits(y, run(layers, x, Sequences(lengths))));
    }
    // Rows apart in memory.
    const auto apart = mx::slice(rows(8), {0, 0}, {8, kWidth}, {2, 1});
    CHECK(same_bits(replay(recording, apart, Sequences({4}).spans(), {}),
                    run(layers, apart, Sequences({4}))));
  }
  set_precision(Precision::exact);
}

TEST_CASE("a recording is one operation, which waits for what must come before") {
  const Layers layers(kLayers);
  const auto recording =
      recorded([&](const mx::array& x) { return run(layers, x, Sequences({1})); });
  const auto x = rows(3), before = mx::exp(mx::random::normal({2}));
  const auto y = replay(recording, x, Sequences({3}).spans(), {before});
  REQUIRE(y.inputs().size() == 2);
  CHECK(y.inputs()[0].id() == x.id());
  CHECK(!before.is_available());
  mx::eval(y);
  CHECK(before.is_available());
}

TEST_CASE("layers within a recording's scope stand alone, outside they are taken in as before") {
  const Layer layer;
  const auto x = rows(1);
  const auto stands_alone = [&] {
    const auto inner = norm_glu(Activation::silu, x, {}, layer.gate, layer.up);
    return linear_add(layer.down, inner, x).inputs()[0].id() == inner.id();
  };
  CHECK_FALSE(stands_alone());
  {
    const RecordingScope scope;
    CHECK(RecordingScope::is_open());
    CHECK(stands_alone());
  }
  CHECK_FALSE(RecordingScope::is_open());
  CHECK_FALSE(stands_alone());
}

TEST_CASE("what is more than operations on rows is not recorded") {
  const Layer layer;
  const auto plain = [&](const mx::array& x) { return linear_add(layer.out, x, x); };
  CHECK(recorded(plain));
  CHECK_FALSE(recorded([](const mx::array& x) { return x; }));
  CHECK_FALSE(recorded([&](const mx::array& x) { return mx::multiply(plain(x), mx::array(2.f)); }));
  CHECK_FALSE(recorded([&](const mx::array& x) { return plain(mx::multiply(x, mx::array(2.f))); }));
  const auto wide = mx::astype(random_vector(kWidth), mx::float16);  // to be computed in each step
  CHECK_FALSE(recorded(
      [&](const mx::array& x) { return norm_linears(x, NormLayer{wide, kEps}, {layer.out})[0]; }));
}
