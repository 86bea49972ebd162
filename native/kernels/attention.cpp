#include "kernels/attention.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

#include "kernels/cpu/attention.h"
#include "kernels/cpu_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// x [1, heads, rows, dim] as it lies.
cpu::Heads heads_of(const mx::array& x) {
  if (x.strides(3) != 1) throw std::invalid_argument("Columns of a head must lie together.");
  return {x.data<float>(), x.strides(1), x.strides(2)};
}

class CpuRope final : public CpuPrimitive {
 public:
  CpuRope(std::shared_ptr<const cpu::Rope> table, int offset)
      : table_(std::move(table)), offset_(offset) {}
  DEFINE_NAME(CpuRope)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [table = table_, offset = offset_](const auto& views, float* to) {
      const mx::array& x = views[0];
      cpu::rotate(*table, heads_of(x), x.shape(1), x.shape(2), offset, to,
                  cpu::ThreadPool::shared());
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& rope = static_cast<const CpuRope&>(other);
    return table_ == rope.table_ && offset_ == rope.offset_;
  }

 private:
  std::shared_ptr<const cpu::Rope> table_;
  int offset_;
};

class CpuAttention final : public CpuPrimitive {
 public:
  CpuAttention(float scale, int window) : scale_(scale), window_(window) {}
  DEFINE_NAME(CpuAttention)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [scale = scale_, window = window_](const auto& views, float* to) {
      const auto &q = views[0], &keys = views[1], &values = views[2];
      const cpu::Attention attention{
          .q = heads_of(q),
          .keys = heads_of(keys),
          .values = heads_of(values),
          .heads = q.shape(1),
          .kv_heads = keys.shape(1),
          .dim = q.shape(3),
          .queries = q.shape(2),
          .positions = keys.shape(2),
          .window = window,
          .scale = scale,
      };
      cpu::attend(attention, to, cpu::best_isa(), cpu::ThreadPool::shared());
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(2), inputs[0].shape(1) * inputs[0].shape(3)}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& attention = static_cast<const CpuAttention&>(other);
    return scale_ == attention.scale_ && window_ == attention.window_;
  }

 private:
  float scale_;
  int window_;
};

void check_shapes(const mx::array& q, const mx::array& keys, const mx::array& values) {
  const bool fit = q.ndim() == 4 && keys.ndim() == 4 && keys.shape() == values.shape() &&
                   q.shape(0) == 1 && keys.shape(0) == 1 && q.shape(3) == keys.shape(3) &&
                   keys.shape(1) > 0 && q.shape(1) % keys.shape(1) == 0 &&
                   q.shape(2) <= keys.shape(2);
  if (fit) return;
  std::ostringstream text;
  text << "Attention: queries " << q.shape() << " do not fit keys " << keys.shape()
       << " and values " << values.shape() << ".";
  throw std::invalid_argument(text.str());
}

// [L, S], true where query i, at key position S - L + i, may see key j.
mx::array window_mask(int queries, int keys, int window) {
  const mx::array position = mx::expand_dims(mx::arange(keys - queries, keys), 1);
  const mx::array key = mx::expand_dims(mx::arange(keys), 0);
  return mx::logical_and(key <= position, key > position - window);
}

mx::array fast_attention(const mx::array& q, const mx::array& keys, const mx::array& values,
                         float scale, std::optional<int> window) {
  const int queries = q.shape(2), positions = keys.shape(2);
  const mx::array out =
      window && positions > *window
          ? mx::fast::scaled_dot_product_attention(q, keys, values, scale, "array",
                                                   window_mask(queries, positions, *window))
          : mx::fast::scaled_dot_product_attention(q, keys, values, scale,
                                                   queries > 1 ? "causal" : "");
  return mx::reshape(mx::transpose(out, {0, 2, 1, 3}), {queries, -1});
}

mx::array to_float(const mx::array& x) { return mx::astype(x, mx::float32); }

}  // namespace

Rope::Rope(int dims, bool traditional, float theta, float scale,
           const std::optional<std::vector<float>>& periods)
    : dims_(dims), traditional_(traditional), theta_(theta), scale_(scale) {
  if (periods) periods_ = mx::array(periods->begin(), {dims / 2});
  cpu::Rope table{{}, traditional};
  for (int i = 0; i < dims / 2; ++i) {
    const double period = periods ? (*periods)[i] : std::pow<double>(theta, 2.0 * i / dims);
    table.frequencies.push_back(static_cast<float>(scale / period));
  }
  table_ = std::make_shared<const cpu::Rope>(std::move(table));
}

mx::array Rope::operator()(const mx::array& x, int offset) const {
  if (!use_own_kernels()) {
    const auto base = periods_ ? std::nullopt : std::optional(theta_);
    return mx::fast::rope(x, dims_, traditional_, base, scale_, offset, periods_);
  }
  const mx::array rotated(x.shape(), mx::float32, std::make_shared<CpuRope>(table_, offset),
                          {to_float(x)});
  return mx::astype(rotated, x.dtype());
}

mx::array attention(const mx::array& q, const mx::array& keys, const mx::array& values, float scale,
                    std::optional<int> window) {
  check_shapes(q, keys, values);
  if (!use_own_kernels() || q.shape(3) % 16 != 0)
    return fast_attention(q, keys, values, scale, window);
  const mx::array out({q.shape(2), q.shape(1) * q.shape(3)}, mx::float32,
                      std::make_shared<CpuAttention>(scale, window.value_or(0)),
                      {to_float(q), to_float(keys), to_float(values)});
  return mx::astype(out, q.dtype());
}

}  // namespace mlxd::kernels
