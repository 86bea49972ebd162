#include "kernels/recurrence.h"

#include <utility>

#include "kernels/cpu_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// A RecurrenceSegment without its array.
struct Span {
  int length;
  bool has_state;

  bool operator==(const Span&) const = default;
};

mx::Shape state_shape(const RecurrenceShape& s) { return {s.heads, s.values, s.keys}; }

mx::array rows(const mx::array& x, int from, int count) {
  return mx::slice(x, {from, 0}, {from + count, x.shape(1)});
}

// Inputs q, k, v, decay, beta if there is one, and the states that there are; outputs y, then of
// each segment the last state and, of more than one token, that before the last.
class CpuRecurrence final : public CpuPrimitive {
 public:
  CpuRecurrence(RecurrenceShape shape, bool has_beta, std::vector<Span> spans)
      : shape_(shape), has_beta_(has_beta), spans_(std::move(spans)) {}
  DEFINE_NAME(CpuRecurrence)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    std::vector<mx::Shape> shapes{inputs[2].shape()};
    for (const Span& span : spans_) {
      shapes.insert(shapes.end(), span.length > 1 ? 2 : 1, state_shape(shape_));
    }
    return shapes;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const CpuRecurrence&>(other);
    return shape_ == same.shape_ && has_beta_ == same.has_beta_ && spans_ == same.spans_;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    cpu::recur(shape_, runs_of(inputs, outputs), cpu::ThreadPool::shared());
  }

 private:
  std::vector<cpu::RecurrenceRun> runs_of(const Arrays& from, Arrays& to) const {
    const RecurrenceShape& s = shape_;
    std::vector<cpu::RecurrenceRun> runs;
    size_t row = 0, input = has_beta_ ? 5 : 4, output = 1;
    const auto at = [&](int i, int width) { return from[i].data<float>() + row * width; };
    for (const Span& span : spans_) {
      const int key_width = s.key_heads * s.keys, value_width = s.heads * s.values;
      runs.push_back({.tokens = span.length,
                      .q = at(0, key_width),
                      .k = at(1, key_width),
                      .v = at(2, value_width),
                      .decay = at(3, s.heads),
                      .beta = has_beta_ ? at(4, s.heads) : nullptr,
                      .from = span.has_state ? from[input++].data<float>() : nullptr,
                      .before_last = nullptr,
                      .to = to[output++].data<float>(),
                      .y = to[0].data<float>() + row * value_width});
      if (span.length > 1) runs.back().before_last = to[output++].data<float>();
      row += span.length;
    }
    return runs;
  }

  RecurrenceShape shape_;
  bool has_beta_;
  std::vector<Span> spans_;
};

RecurrenceResult by_kernel(const RecurrenceShape& shape, const RecurrenceInputs& x,
                           const std::vector<RecurrenceSegment>& segments) {
  std::vector<mx::array> inputs{x.q, x.k, x.v, x.decay};
  if (x.beta) inputs.push_back(*x.beta);
  std::vector<Span> spans;
  for (const auto& [length, state] : segments) {
    spans.push_back({length, state.has_value()});
    if (state) inputs.push_back(*state);
  }
  for (mx::array& input : inputs) input = mx::contiguous(input);
  auto primitive = std::make_shared<CpuRecurrence>(shape, x.beta.has_value(), std::move(spans));
  const auto shapes = primitive->output_shapes(inputs);
  const std::vector<mx::Dtype> types(shapes.size(), mx::float32);
  const auto outputs = mx::array::make_arrays(shapes, types, std::move(primitive), inputs);
  RecurrenceResult result{outputs[0], {}};
  size_t next = 1;
  for (const RecurrenceSegment& segment : segments) {
    RecurrentStates& states = result.states.emplace_back(RecurrentStates{outputs[next++], {}});
    if (segment.length > 1) states.before_last = outputs[next++];
  }
  return result;
}

// One sequence: x holds its tokens only. Appends each token's y [1, heads * values].
RecurrentStates token_by_token(const RecurrenceShape& s, const RecurrenceInputs& x,
                               const RecurrenceSegment& segment, int first,
                               std::vector<mx::array>& ys) {
  const auto of_heads = [&](const mx::array& all, int row, int width, int count) {
    const mx::array heads = mx::reshape(rows(all, row, 1), {count, 1, width});
    return mx::repeat(mx::astype(heads, mx::float32), s.heads / count, 0);
  };
  mx::array state = segment.state.value_or(mx::zeros(state_shape(s), mx::float32));
  mx::array before = state;
  for (int row = first; row < first + segment.length; ++row) {
    before = state;
    const mx::array k = of_heads(x.k, row, s.keys, s.key_heads);
    const mx::array q = of_heads(x.q, row, s.keys, s.key_heads);
    mx::array d = mx::swapaxes(of_heads(x.v, row, s.values, s.heads), 1, 2);  // [H, values, 1]
    state = state * of_heads(x.decay, row, 1, s.heads);
    if (x.beta) d = (d - mx::sum(state * k, -1, true)) * of_heads(*x.beta, row, 1, s.heads);
    state = state + d * k;
    ys.push_back(mx::reshape(mx::sum(state * q, -1), {1, s.heads * s.values}));
  }
  RecurrentStates states{state, {}};
  if (segment.length > 1) states.before_last = before;
  return states;
}

}  // namespace

RecurrenceResult recurrence(const RecurrenceShape& shape, const RecurrenceInputs& x,
                            const std::vector<RecurrenceSegment>& segments) {
  if (use_own_kernels() && x.v.dtype() == mx::float32) return by_kernel(shape, x, segments);
  std::vector<mx::array> ys;
  std::vector<RecurrentStates> states;
  int row = 0;
  for (const RecurrenceSegment& segment : segments) {
    states.push_back(token_by_token(shape, x, segment, row, ys));
    row += segment.length;
  }
  return {mx::astype(mx::concatenate(ys, 0), x.v.dtype()), std::move(states)};
}

}  // namespace mlxd::kernels
