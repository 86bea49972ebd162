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

class CpuPrimitive : public mx::Primitive {
 public:
  /// Inputs to outputs, all with memory.
  using Task = std::function<void(const std::vector<mx::array>&, std::vector<mx::array>&)>;

  CpuPrimitive() : Primitive(mx::default_stream(mx::Device::cpu)) {}

  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::logic_error(std::string(name()) + " runs on CPU streams only.");
  }

  /// What it computes, if the one operation that uses its outputs may take it into itself.
  virtual Task task() const { return nullptr; }

  /// Makes one operation of this one and of that which computes the first of `inputs`, if that may
  /// be and nothing else of `inputs` comes between its outputs; returns the inputs of what there is
  /// then. An operation of a decode step costs as much in MLX as a small one in our kernels.
  std::vector<mx::array> take_in(std::vector<mx::array> inputs) {
    mx::array& first = inputs[0];
    if (!first.has_primitive() || first.status() != mx::array::Status::unscheduled) return inputs;
    const auto* source = dynamic_cast<const CpuPrimitive*>(&first.primitive());
    Task task = source ? source->task() : nullptr;
    const auto outputs = first.outputs();
    const auto same = [](const mx::array& a, const mx::array& b) { return a.id() == b.id(); };
    if (!task || outputs.size() > inputs.size() ||
        !std::equal(outputs.begin(), outputs.end(), inputs.begin(), same)) {
      return inputs;
    }
    taken_ = std::make_shared<const Taken>(
        Taken{std::move(task), first.inputs().size(), shapes_of(outputs)});
    std::vector<mx::array> left = first.inputs();
    left.insert(left.end(), inputs.begin() + outputs.size(), inputs.end());
    return left;
  }

 protected:
  /// Has compute(inputs, outputs) run on the stream's thread, memory for the outputs being given
  /// before. What it throws fails the evaluation.
  template <class Compute>
  void dispatch(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs,
                Compute compute) {
    if (taken_) {
      return give(inputs, outputs, [taken = taken_, compute](const auto& from, auto& to) {
        compute(taken->compute(from), to);
      });
    }
    give(inputs, outputs, std::move(compute));
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

  /// Whether it is more than it says by itself.
  bool has_taken() const { return taken_ != nullptr; }

 private:
  // An operation that became part of this one; its outputs live as long as this one computes.
  struct Taken {
    Task task;
    size_t inputs;
    std::vector<mx::Shape> shapes;  // of its outputs, all float32

    // The inputs of this operation alone, of those that both together have.
    std::vector<mx::array> compute(const std::vector<mx::array>& from) const {
      std::vector<mx::array> outputs;
      for (const mx::Shape& shape : shapes) {
        mx::array& output =
            outputs.emplace_back(shape, mx::float32, nullptr, std::vector<mx::array>{});
        output.set_data(mx::allocator::malloc(output.nbytes()));
      }
      task({from.begin(), from.begin() + inputs}, outputs);
      outputs.insert(outputs.end(), from.begin() + inputs, from.end());
      return outputs;
    }
  };

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

  std::shared_ptr<const Taken> taken_;
};

}  // namespace mlxd::kernels
