#include "kernels/recording.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "kernels/rows_primitive.h"

namespace mlxd::kernels {
namespace {

thread_local int open_scopes = 0;

constexpr int kLineFloats = 16;  // a value's memory begins where a line does

// What flows between operations: the input, an array that stays as it is, or rows of an output.
struct Value {
  int columns;
  std::optional<mx::array> constant = {};
  size_t place = 0;  // of an output, in the memory of one row
};

struct Operation {
  std::shared_ptr<const RowsPrimitive> primitive;
  std::vector<int> inputs, outputs;  // numbers of values

  bool attends() const { return !primitive->spans().empty(); }
};

constexpr int kInput = 0;  // the number of x

}  // namespace

RecordingScope::RecordingScope() { ++open_scopes; }
RecordingScope::~RecordingScope() { --open_scopes; }
bool RecordingScope::is_open() { return open_scopes > 0; }

class Recording {
 public:
  Recording(std::vector<Operation> operations, std::vector<Value> values, int result)
      : operations_(std::move(operations)), values_(std::move(values)), result_(result) {
    give_places();
    attentions_ = static_cast<int>(std::ranges::count_if(operations_, &Operation::attends));
  }

  int columns() const { return values_[result_].columns; }
  int attentions() const { return attentions_; }

  /// On the stream's thread.
  void compute(const cpu::Rows& x, std::span<const CachedSpan> spans, float* y) const {
    const auto memory = mx::allocator::malloc(row_floats_ * x.count * sizeof(float));
    const auto rows = rows_of(x, static_cast<float*>(memory.buffer().raw_ptr()), y);
    const size_t segments = attentions_ ? spans.size() / attentions_ : 0;
    std::vector<cpu::Rows> inputs;
    std::vector<float*> outputs;
    for (const Operation& operation : operations_) {
      inputs.clear();
      outputs.clear();
      for (const int value : operation.inputs) inputs.push_back(rows[value]);
      for (const int value : operation.outputs) {
        outputs.push_back(const_cast<float*>(rows[value].data));
      }
      const size_t own = operation.attends() ? segments : 0;
      operation.primitive->compute_rows({inputs, outputs, spans.first(own)});
      spans = spans.subspan(own);
    }
  }

 private:
  // Outputs that nobody reads any more leave their memory to others, so that little of it is used,
  // and stays in the near caches.
  void give_places() {
    std::vector<size_t> last_use(values_.size(), 0);
    for (size_t i = 0; i < operations_.size(); ++i) {
      for (const int value : operations_[i].outputs) last_use[value] = i;
      for (const int value : operations_[i].inputs) last_use[value] = i;
    }
    last_use[result_] = operations_.size();
    std::multimap<int, size_t> free;  // places by their size
    for (size_t i = 0; i < operations_.size(); ++i) {
      for (const int value : operations_[i].outputs) take_place(values_[value], free);
      const auto release = [&](int value) {
        if (value == kInput || values_[value].constant || last_use[value] != i) return;
        free.emplace(size_of(values_[value]), values_[value].place);
        last_use[value] = operations_.size();
      };
      std::ranges::for_each(operations_[i].inputs, release);
      std::ranges::for_each(operations_[i].outputs, release);
    }
  }

  void take_place(Value& value, std::multimap<int, size_t>& free) {
    if (const auto found = free.find(size_of(value)); found != free.end()) {
      value.place = free.extract(found).mapped();
    } else {
      value.place = std::exchange(row_floats_, row_floats_ + size_of(value));
    }
  }

  static int size_of(const Value& value) {
    return (value.columns + kLineFloats - 1) / kLineFloats * kLineFloats;
  }

  // Of each value.
  std::vector<cpu::Rows> rows_of(const cpu::Rows& x, float* memory, float* y) const {
    std::vector<cpu::Rows> rows;
    for (const Value& value : values_) {
      const size_t columns = value.columns;
      if (value.constant) {
        rows.push_back({value.constant->data<float>(), columns, 1});
      } else {
        rows.push_back({memory + value.place * x.count, columns, x.count});
      }
    }
    rows[kInput] = x;
    rows[result_].data = y;
    return rows;
  }

  std::vector<Operation> operations_;  // in the order of their computation
  std::vector<Value> values_;
  int result_;
  int attentions_;
  size_t row_floats_ = 0;
};

namespace {

// Walks a graph from its end, and writes operations down behind those that compute their inputs.
class Recorder {
 public:
  explicit Recorder(const mx::array& x) : values_{{x.shape(1)}}, numbers_{{x.id(), kInput}} {}

  /// Whether all that `a` needs is known then.
  bool visit(const mx::array& a) {
    if (numbers_.contains(a.id())) return true;
    if (!a.has_primitive()) return add_constant(a);
    const auto primitive = std::dynamic_pointer_cast<const RowsPrimitive>(a.primitive_ptr());
    if (!primitive) return false;
    Operation operation{primitive, {}, {}};
    for (const mx::array& input : a.inputs()) {
      if (!visit(input)) return false;
      operation.inputs.push_back(numbers_.at(input.id()));
    }
    for (const mx::array& output : a.outputs()) {
      operation.outputs.push_back(add(output, {static_cast<int>(output.size())}));
    }
    operations_.push_back(std::move(operation));
    return true;
  }

  std::shared_ptr<const Recording> recorded(const mx::array& y) && {
    const int result = numbers_.at(y.id());
    return std::make_shared<Recording>(std::move(operations_), std::move(values_), result);
  }

 private:
  bool add_constant(const mx::array& a) {
    if (a.dtype() != mx::float32 || !a.flags().row_contiguous) return false;
    add(a, {static_cast<int>(a.size()), a});
    return true;
  }

  int add(const mx::array& a, Value value) {
    const int number = static_cast<int>(values_.size());
    numbers_.emplace(a.id(), number);
    values_.push_back(std::move(value));
    return number;
  }

  std::vector<Value> values_;
  std::unordered_map<std::uintptr_t, int> numbers_;
  std::vector<Operation> operations_;
};

// Inputs x and what must be computed before.
class Replay final : public CpuPrimitive {
 public:
  Replay(std::shared_ptr<const Recording> recording, std::vector<CachedSpan> spans)
      : recording_(std::move(recording)), spans_(std::move(spans)) {}
  DEFINE_NAME(Replay)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), recording_->columns()}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const Replay&>(other);
    return recording_ == same.recording_ && spans_ == same.spans_;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    std::vector<float> copy;
    recording_->compute(gather_rows(inputs[0], copy), spans_, outputs[0].data<float>());
  }

 private:
  std::shared_ptr<const Recording> recording_;
  std::vector<CachedSpan> spans_;
};

}  // namespace

std::shared_ptr<const Recording> record(const mx::array& x, const mx::array& y) {
  Recorder recorder(x);
  if (x.id() == y.id() || !recorder.visit(y)) return nullptr;
  return std::move(recorder).recorded(y);
}

int attentions(const Recording& recording) { return recording.attentions(); }

mx::array replay(std::shared_ptr<const Recording> recording, const mx::array& x,
                 std::vector<CachedSpan> spans, std::vector<mx::array> after) {
  after.insert(after.begin(), x);
  const mx::Shape shape{x.shape(0), recording->columns()};
  return mx::array(shape, mx::float32,
                   std::make_shared<Replay>(std::move(recording), std::move(spans)),
                   std::move(after));
}

}  // namespace mlxd::kernels
