#include "kernels/cached_attention.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/cpu/attention.h"
#include "kernels/rows_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

struct Options {
  KvFormat format;
  int heads;
  std::shared_ptr<cpu::Rope> rope;
  float scale, cap;
  int window;
  bool has_sinks;

  bool operator==(const Options&) const = default;
};

void append_and_attend(const Options& options, const RowsCall& call) {
  const auto rows = [&](int i) {
    return cpu::AttentionRows{call.inputs[i].data, call.inputs[i].stride};
  };
  const cpu::Attention attention{
      .format = options.format,
      .heads = options.heads,
      .window = options.window,
      .scale = options.scale,
      .cap = options.cap,
      .sinks = options.has_sinks ? rows(3).data : nullptr,
  };
  std::vector<cpu::AttentionSpan> parts;
  for (const CachedSpan& span : call.spans) {
    if (span.copied) span.table->page(span.offset / kPagePositions)->copy(*span.copied);
    parts.push_back({span.length, span.offset, span.table.get()});
  }
  auto& pool = cpu::ThreadPool::shared();
  const size_t width = size_t(options.heads) * options.format.dim;
  const auto rotated = std::make_unique_for_overwrite<float[]>(call.inputs[0].count * width);
  cpu::append(attention, *options.rope, rows(0), rows(1), rows(2), parts, rotated.get(),
              cpu::best_isa(), pool);
  cpu::attend(attention, rotated.get(), parts, call.outputs[0], cpu::best_isa(), pool);
}

// Inputs q, k, v, the sinks [1, heads] if there are any, and what earlier appends to the same pages
// returned; outputs the result and an array for later ones: so the graph orders writes and reads.
class PagedAttention final : public RowsPrimitive {
 public:
  PagedAttention(Options options, std::vector<CachedSpan> spans)
      : options_(std::move(options)), spans_(std::move(spans)) {}
  DEFINE_NAME(PagedAttention)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape(), {1}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const PagedAttention&>(other);
    return !has_taken() && !same.has_taken() && options_ == same.options_ && spans_ == same.spans_;
  }

  /// q, k, v and the others to attention of `shape`, which takes in what computes them.
  static CachedAttention attend(std::shared_ptr<PagedAttention> self, const mx::Shape& shape,
                                std::vector<mx::array> inputs) {
    inputs = self->take_in(std::move(inputs));
    const auto outputs =
        mx::array::make_arrays({shape, {1}}, {mx::float32, mx::float32}, self, inputs);
    const auto written = std::make_shared<mx::array>(outputs[1]);
    self->written_ = written;
    return {outputs[0], written};
  }

  void compute_rows(const RowsCall& call) const override {
    append_and_attend(options_, call);
    call.outputs[1][0] = 0;
  }

  std::span<const CachedSpan> spans() const override { return spans_; }

 protected:
  int uses() const override { return 1; }

 private:
  Options options_;
  std::vector<CachedSpan> spans_;
};

}  // namespace

bool can_attend_in_place(mx::Dtype type) { return use_own_kernels() && type == mx::float32; }

KvFormat kv_format(int kv_heads, int head_dim) {
  if (kv_bits() == 16) {
    const auto type = precision() == Precision::exact ? cpu::KvType::f32 : cpu::KvType::f16;
    return {kv_heads, head_dim, type};
  }
  if (head_dim % 2 != 0 || head_dim > cpu::kKeyGroup * cpu::kMostGroups) {
    throw std::invalid_argument("Keys of " + std::to_string(head_dim) +
                                " columns cannot be kept in " + std::to_string(kv_bits()) +
                                " bits: only an even number up to 1024 can.");
  }
  return {kv_heads, head_dim, kv_bits() == 8 ? cpu::KvType::i8 : cpu::KvType::i4};
}

CachedAttention cached_attention(const mx::array& q, const mx::array& k, const mx::array& v,
                                 const std::vector<CachedSegment>& segments, const KvFormat& format,
                                 const Rope& rope, const AttentionOptions& options) {
  std::vector<mx::array> inputs{q, k, v};
  if (options.sinks) {
    inputs.push_back(mx::reshape(mx::astype(*options.sinks, mx::float32), {1, -1}));
  }
  std::vector<CachedSpan> spans;
  for (const CachedSegment& s : segments) {
    spans.push_back(s);
    // Most sequences of a step were in the step before too.
    const auto same = [&](const mx::array& input) { return input.id() == s.appended->id(); };
    if (s.appended && std::none_of(inputs.begin(), inputs.end(), same)) {
      inputs.push_back(*s.appended);
    }
  }
  auto primitive = std::make_shared<PagedAttention>(
      Options{format, q.shape(1) / format.dim, rope.table(), options.scale, options.cap.value_or(0),
              options.window.value_or(0), options.sinks.has_value()},
      std::move(spans));
  return PagedAttention::attend(std::move(primitive), q.shape(), std::move(inputs));
}

}  // namespace mlxd::kernels
