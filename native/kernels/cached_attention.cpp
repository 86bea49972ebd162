#include "kernels/cached_attention.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// Which positions of a step's rows and of the buffers a segment is.
struct Span {
  int length, offset, first, end;
  bool operator==(const Span&) const = default;
};

struct Options {
  std::shared_ptr<const cpu::Rope> rope;
  int dim;
  float scale;
  int window;  // 0 is all
  bool operator==(const Options&) const = default;
};

// Rows [from, ...) of [T, heads * dim] as heads.
cpu::Heads heads_of(const cpu::Rows& x, int from, int dim) {
  return {x.data + from * x.stride, dim, static_cast<ptrdiff_t>(x.stride)};
}

// Positions [from, ...) of a buffer.
cpu::HeadsOut places(mx::array& buffer, int from) {
  return {buffer.data<float>() + from * buffer.strides(2), buffer.strides(1), buffer.strides(2)};
}

cpu::Heads readable(const cpu::HeadsOut& x) { return {x.data, x.head_stride, x.row_stride}; }

void copy_heads(const cpu::Heads& from, int heads, int rows, int dim, const cpu::HeadsOut& to) {
  for (int head = 0; head < heads; ++head) {
    for (int row = 0; row < rows; ++row) {
      std::copy_n(from.data + head * from.head_stride + row * from.row_stride, dim,
                  to.data + head * to.head_stride + row * to.row_stride);
    }
  }
}

void attend_span(const Options& options, const Span& span, const cpu::Heads (&qkv)[3], int heads,
                 mx::array& keys, mx::array& values, float* out) {
  auto& pool = cpu::ThreadPool::shared();
  const int kv_heads = keys.shape(1), dim = options.dim, from = span.end - span.length;
  const auto q = std::make_unique_for_overwrite<float[]>(size_t(heads) * span.length * dim);
  cpu::rotate(*options.rope, qkv[0], heads, span.length, span.offset, q.get(), pool);
  cpu::rotate(*options.rope, qkv[1], kv_heads, span.length, span.offset, places(keys, from), pool);
  copy_heads(qkv[2], kv_heads, span.length, dim, places(values, from));
  const cpu::Attention attention{
      .q = {q.get(), ptrdiff_t{span.length} * dim, dim},
      .keys = readable(places(keys, span.first)),
      .values = readable(places(values, span.first)),
      .heads = heads,
      .kv_heads = kv_heads,
      .dim = dim,
      .queries = span.length,
      .positions = span.end - span.first,
      .window = options.window,
      .scale = options.scale,
  };
  cpu::attend(attention, out, cpu::best_isa(), pool);
}

// Inputs q, k, v and each segment's keys and values; outputs the result and those buffers again, so
// that the graph orders this write before reads.
class CachedAttention final : public CpuPrimitive {
 public:
  CachedAttention(Options options, std::vector<Span> spans)
      : options_(std::move(options)), spans_(std::move(spans)) {}
  DEFINE_NAME(CachedAttention)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (size_t i = 1; i < outputs.size(); ++i) outputs[i].copy_shared_buffer(inputs[i + 2]);
    dispatch(inputs, outputs, [options = options_, spans = spans_](const auto& views, auto& to) {
      std::vector<float> copies[3];
      cpu::Rows rows[3];
      for (int i = 0; i < 3; ++i) rows[i] = gather_rows(views[i], copies[i]);
      const int heads = views[0].shape(1) / options.dim;
      int row = 0;
      for (size_t i = 0; i < spans.size(); ++i) {
        const cpu::Heads qkv[] = {heads_of(rows[0], row, options.dim),
                                  heads_of(rows[1], row, options.dim),
                                  heads_of(rows[2], row, options.dim)};
        float* out = to[0].template data<float>() + size_t(row) * views[0].shape(1);
        attend_span(options, spans[i], qkv, heads, to[1 + 2 * i], to[2 + 2 * i], out);
        row += spans[i].length;
      }
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    std::vector<mx::Shape> shapes{inputs[0].shape()};
    for (size_t i = 3; i < inputs.size(); ++i) shapes.push_back(inputs[i].shape());
    return shapes;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const CachedAttention&>(other);
    return options_ == same.options_ && spans_ == same.spans_;
  }

 private:
  Options options_;
  std::vector<Span> spans_;
};

}  // namespace

bool can_attend_in_place(const mx::array& q, const Rope& rope) {
  return use_own_kernels() && q.dtype() == mx::float32 && rope.dims() % 16 == 0;
}

std::vector<mx::array> cached_attention(const mx::array& q, const mx::array& k, const mx::array& v,
                                        const std::vector<CachedSegment>& segments,
                                        const Rope& rope, float scale, std::optional<int> window) {
  std::vector<mx::array> inputs{q, k, v};
  std::vector<Span> spans;
  std::vector<mx::Shape> shapes{q.shape()};
  for (const CachedSegment& s : segments) {
    spans.push_back({s.length, s.offset, s.first, s.end});
    for (const auto& buffer : {s.keys, s.values}) {
      inputs.push_back(buffer);
      shapes.push_back(buffer.shape());
    }
  }
  const std::vector<mx::Dtype> types(shapes.size(), mx::float32);
  return mx::array::make_arrays(
      std::move(shapes), types,
      std::make_shared<CachedAttention>(
          Options{rope.table(), rope.dims(), scale, window.value_or(0)}, std::move(spans)),
      inputs);
}

}  // namespace mlxd::kernels
