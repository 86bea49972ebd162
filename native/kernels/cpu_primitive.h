// The base of our CPU operations in MLX's graph: no GPU. They run on the thread of the CPU
// stream that is the default of the thread that made them.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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
  /// Inputs to outputs, all with memory.
  using Task = std::function<void(const std::vector<mx::array>&, std::vector<mx::array>&)>;

  CpuPrimitive() : Primitive(mx::default_stream(mx::Device::cpu)) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch(inputs, outputs, task());
  }

  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::logic_error(std::string(name()) + " runs on CPU streams only.");
  }

  /// Takes in what computes `inputs`, and the inputs of that, as far as it may be; returns the
  /// inputs of what this is then.
  std::vector<mx::array> take_in(std::vector<mx::array> inputs) {
    for (size_t i = 0; i < inputs.size();) {
      const CpuPrimitive* source = source_in(inputs, i);
      if (source) inputs = take(*source, inputs[i], inputs);
      i = source ? 0 : i + 1;
    }
    return inputs;
  }

 protected:
  /// Has compute(inputs, outputs) run on the stream's thread, memory for the outputs being given
  /// before. What it throws fails the evaluation.
  template <class Compute>
  void dispatch(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs,
                Compute compute) {
    if (!has_taken()) return give(inputs, outputs, std::move(compute));
    give(inputs, outputs, [taken = taken_, compute](const auto& from, auto& to) {
      compute(computed(taken, from), to);
    });
  }

  /// The same with the data of the only output.
  template <class Compute>
  void dispatch_one(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs,
                    Compute compute) {
    dispatch(inputs, outputs,
             [compute = std::move(compute)](const auto& from, std::vector<mx::array>& to) {
               compute(from, to[0].data<float>());
             });
  }

  /// What it computes by itself; must be there where `uses` says that it may be taken in.
  virtual Task task() const { return nullptr; }

  /// How many inputs its outputs are of the operation that may take it into itself: all uses that
  /// they have. 0 if none may.
  virtual int uses() const { return 0; }

  /// Whether it is more than it says by itself.
  bool has_taken() const { return !taken_.empty(); }

  /// Of attention, also within: what must be evaluated for its pages to be written.
  std::weak_ptr<mx::array> written_;

 private:
  // An operation that became part of this one; its outputs live as long as this one computes.
  struct Taken {
    Task task;
    size_t inputs;
    std::vector<mx::Shape> shapes;  // of its outputs, all float32
    std::vector<int> places;        // in its outputs, of what were inputs before; or -1

    // What were the inputs before, of those that there are with its own.
    std::vector<mx::array> compute(const std::vector<mx::array>& from) const {
      std::vector<mx::array> outputs, all;
      for (const mx::Shape& shape : shapes) {
        mx::array& output =
            outputs.emplace_back(shape, mx::float32, nullptr, std::vector<mx::array>{});
        output.set_data(mx::allocator::malloc(output.nbytes()));
      }
      task({from.begin(), from.begin() + inputs}, outputs);
      auto next = from.begin() + inputs;
      for (const int place : places) all.push_back(place < 0 ? *next++ : outputs[place]);
      return all;
    }
  };
  using AllTaken = std::vector<std::shared_ptr<const Taken>>;

  // The inputs of what took `taken`, one after the other: the last is computed first.
  static std::vector<mx::array> computed(const AllTaken& taken, std::vector<mx::array> from) {
    for (auto one = taken.rbegin(); one != taken.rend(); ++one) from = (*one)->compute(from);
    return from;
  }

  // What computes inputs[index], if that may be taken in.
  static const CpuPrimitive* source_in(const std::vector<mx::array>& inputs, size_t index) {
    const mx::array& input = inputs[index];
    if (!input.has_primitive() || input.status() != mx::array::Status::unscheduled) return nullptr;
    const auto* source = dynamic_cast<const CpuPrimitive*>(&input.primitive());
    if (!source || source->uses() == 0 || bytes_of(input.outputs()) >= kSmallOutputs) {
      return nullptr;
    }
    const auto uses = std::count_if(inputs.begin(), inputs.end(), [&](const mx::array& a) {
      return a.has_primitive() && a.primitive_id() == input.primitive_id();
    });
    return uses == source->uses() ? source : nullptr;
  }

  // `output` is one of `source`, `own` are the inputs of this.
  std::vector<mx::array> take(const CpuPrimitive& source, const mx::array& output,
                              const std::vector<mx::array>& own) {
    const auto outputs = output.outputs();
    std::vector<mx::array> all = output.inputs();
    Taken taken{source.whole(), all.size(), shapes_of(outputs), {}};
    for (const mx::array& input : own) {
      const auto same = [&](const mx::array& a) { return a.id() == input.id(); };
      const auto at = std::find_if(outputs.begin(), outputs.end(), same);
      taken.places.push_back(at == outputs.end() ? -1 : static_cast<int>(at - outputs.begin()));
      if (at == outputs.end()) all.push_back(input);
    }
    taken_.push_back(std::make_shared<const Taken>(std::move(taken)));
    if (!source.written_.expired()) written_ = source.written_;
    return all;
  }

  // With what it has taken.
  Task whole() const {
    if (!has_taken()) return task();
    return [taken = taken_, task = task()](const auto& from, auto& to) {
      task(computed(taken, from), to);
    };
  }

  template <class Compute>
  void give(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs,
            Compute compute) {
    for (auto& output : outputs) {
      if (!output.data_shared_ptr()) output.set_data(mx::allocator::malloc(output.nbytes()));
    }
    auto task = [compute = std::move(compute), from = weak_copies(inputs),
                 to = weak_copies(outputs)]() mutable {
      const WorkTimer timer;
      compute(std::as_const(from), to);
    };
    if (bytes_of(outputs) < kSmallOutputs) {
      mx::scheduler::enqueue(stream(), std::move(task));
    } else {
      mx::cpu::get_command_encoder(stream()).dispatch(std::move(task));
    }
  }

  // The encoder counts tasks and has the engine thread sleep until one of those waiting is done,
  // for each that it adds: it bounds the memory of a chunk, but a decode step needs no bound, and
  // on few cores each of its wake-ups stops a kernel.
  static constexpr size_t kSmallOutputs = size_t(1) << 20;

  static std::vector<mx::Shape> shapes_of(const std::vector<mx::array>& arrays) {
    std::vector<mx::Shape> shapes;
    for (const auto& a : arrays) shapes.push_back(a.shape());
    return shapes;
  }

  static size_t bytes_of(const std::vector<mx::array>& arrays) {
    size_t bytes = 0;
    for (const auto& a : arrays) bytes += a.nbytes();
    return bytes;
  }

  // MLX keeps the buffers until the task is done.
  static std::vector<mx::array> weak_copies(const std::vector<mx::array>& arrays) {
    std::vector<mx::array> copies;
    for (const auto& a : arrays) copies.push_back(mx::array::unsafe_weak_copy(a));
    return copies;
  }

  AllTaken taken_;
};

}  // namespace mlxd::kernels
