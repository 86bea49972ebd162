// The base of our CPU operations in MLX's graph: no GPU. They run on the thread of the CPU
// stream that is the default of the thread that made them.
#pragma once

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
  CpuPrimitive() : Primitive(mx::default_stream(mx::Device::cpu)) {}

  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::logic_error(std::string(name()) + " runs on CPU streams only.");
  }

 protected:
  /// Has compute(inputs, outputs) run on the stream's thread, memory for the outputs being given
  /// before. What it throws fails the evaluation.
  template <class Compute>
  void dispatch(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs,
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

  /// The same with the data of the only output.
  template <class Compute>
  void dispatch_one(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs,
                    Compute compute) {
    dispatch(inputs, outputs,
             [compute = std::move(compute)](const auto& from, std::vector<mx::array>& to) {
               compute(from, to[0].data<float>());
             });
  }

 private:
  // The encoder counts tasks and has the engine thread sleep until one of those waiting is done,
  // for each that it adds: it bounds the memory of a chunk, but a decode step needs no bound, and
  // on few cores each of its wake-ups stops a kernel.
  static constexpr size_t kSmallOutputs = size_t(1) << 20;

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
};

}  // namespace mlxd::kernels
