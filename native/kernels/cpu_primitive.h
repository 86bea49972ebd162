// The base of our CPU operations in MLX's graph: no GPU. They run on the thread of the CPU
// stream that is the default of the thread that made them.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/recording.h"
#include "kernels/work.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/mlx.h"
#include "mlx/primitives.h"
#include "mlx/scheduler.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

inline bool default_is_cpu() { return mx::default_device() == mx::Device::cpu; }

/// An operation of a decode step costs as much in MLX as a small matrix does in our kernels.
/// Therefore one that is made may take those into itself that compute its inputs; it computes them
/// first.
class CpuPrimitive : public mx::Primitive {
 public:
  using Arrays = std::vector<mx::array>;

  CpuPrimitive() : Primitive(mx::default_stream(mx::Device::cpu)) {}

  /// Has the outputs computed on the stream's thread. What that throws fails the evaluation.
  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    for (auto& output : outputs) {
      if (!output.data_shared_ptr()) output.set_data(mx::allocator::malloc(output.nbytes()));
    }
    // Evaluated arrays let go of this before the stream comes to it.
    auto task = [self = shared(outputs[0]), from = weak_copies(inputs),
                 to = weak_copies(outputs)]() mutable {
      const WorkTimer timer;
      self->compute_all(from, to);
    };
    if (bytes_of(outputs) < kSmallOutputs) {
      mx::scheduler::enqueue(stream(), std::move(task));
    } else {
      mx::cpu::get_command_encoder(stream()).dispatch(std::move(task));
    }
  }

  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::logic_error(std::string(name()) + " runs on CPU streams only.");
  }

  /// Takes in what computes `inputs`, and the inputs of that, as far as it may be; returns the
  /// inputs of what this is then.
  Arrays take_in(Arrays inputs) {
    if (RecordingScope::is_open()) return inputs;
    for (size_t i = 0; i < inputs.size();) {
      const Shared source = source_in(inputs, i);
      if (source) inputs = take(source, inputs[i], inputs);
      i = source ? 0 : i + 1;
    }
    return inputs;
  }

 protected:
  /// Inputs to outputs, all with memory, by itself: on the stream's thread.
  virtual void compute(const Arrays& inputs, Arrays& outputs) const = 0;

  /// How many inputs its outputs are of the operation that may take it into itself: all uses that
  /// they have. 0 if none may.
  virtual int uses() const { return 0; }

  /// Whether it is more than it says by itself.
  bool has_taken() const { return !taken_.empty(); }

  /// Of attention, also within: what must be evaluated for its pages to be written.
  std::weak_ptr<mx::array> written_;

 private:
  using Shared = std::shared_ptr<const CpuPrimitive>;

  // An operation that became part of this one; its outputs live as long as this one computes.
  struct Taken {
    Shared primitive;
    size_t inputs;
    std::vector<mx::Shape> shapes;  // of its outputs, all float32
    std::vector<int> places;        // in its outputs, of what were inputs before; or -1

    // What were the inputs before, of those that there are with its own.
    Arrays compute(const Arrays& from) const {
      Arrays outputs, all;
      for (const mx::Shape& shape : shapes) {
        mx::array& output = outputs.emplace_back(shape, mx::float32, nullptr, Arrays{});
        output.set_data(mx::allocator::malloc(output.nbytes()));
      }
      primitive->compute_all({from.begin(), from.begin() + inputs}, outputs);
      auto next = from.begin() + inputs;
      for (const int place : places) all.push_back(place < 0 ? *next++ : outputs[place]);
      return all;
    }
  };

  static Shared shared(const mx::array& output) {
    return std::static_pointer_cast<const CpuPrimitive>(output.primitive_ptr());
  }

  // With what it has taken, one after the other: the last is computed first.
  void compute_all(const Arrays& inputs, Arrays& outputs) const {
    if (!has_taken()) return compute(inputs, outputs);
    Arrays from = taken_.back().compute(inputs);
    for (size_t i = taken_.size() - 1; i-- > 0;) from = taken_[i].compute(from);
    compute(from, outputs);
  }

  // What computes inputs[index], if that may be taken in.
  static Shared source_in(const Arrays& inputs, size_t index) {
    const mx::array& input = inputs[index];
    if (!input.has_primitive() || input.status() != mx::array::Status::unscheduled) return nullptr;
    const auto* source = dynamic_cast<const CpuPrimitive*>(&input.primitive());
    if (!source || source->uses() == 0 || bytes_of(input.outputs()) >= kSmallOutputs) {
      return nullptr;
    }
    const auto uses = std::count_if(inputs.begin(), inputs.end(), [&](const mx::array& a) {
      return a.has_primitive() && a.primitive_id() == input.primitive_id();
    });
    return uses == source->uses() ? shared(input) : nullptr;
  }

  // `output` is one of `source`, `own` are the inputs of this.
  Arrays take(const Shared& source, const mx::array& output, const Arrays& own) {
    const auto outputs = output.outputs();
    Arrays all = output.inputs();
    Taken taken{source, all.size(), shapes_of(outputs), {}};
    for (const mx::array& input : own) {
      const auto same = [&](const mx::array& a) { return a.id() == input.id(); };
      const auto at = std::find_if(outputs.begin(), outputs.end(), same);
      taken.places.push_back(at == outputs.end() ? -1 : static_cast<int>(at - outputs.begin()));
      if (at == outputs.end()) all.push_back(input);
    }
    taken_.push_back(std::move(taken));
    if (!source->written_.expired()) written_ = source->written_;
    return all;
  }

  // The encoder counts tasks and has the engine thread sleep until one of those waiting is done,
  // for each that it adds: it bounds the memory of a chunk, but a decode step needs no bound, and
  // on few cores each of its wake-ups stops a kernel.
  static constexpr size_t kSmallOutputs = size_t(1) << 20;

  static std::vector<mx::Shape> shapes_of(const Arrays& arrays) {
    std::vector<mx::Shape> shapes;
    for (const auto& a : arrays) shapes.push_back(a.shape());
    return shapes;
  }

  static size_t bytes_of(const Arrays& arrays) {
    size_t bytes = 0;
    for (const auto& a : arrays) bytes += a.nbytes();
    return bytes;
  }

  // MLX keeps the buffers until the task is done.
  static Arrays weak_copies(const Arrays& arrays) {
    Arrays copies;
    copies.reserve(arrays.size());
    for (const auto& a : arrays) copies.push_back(mx::array::unsafe_weak_copy(a));
    return copies;
  }

  std::vector<Taken> taken_;
};

}  // namespace mlxd::kernels
