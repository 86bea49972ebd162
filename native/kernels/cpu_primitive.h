// The base of our CPU operations in MLX's graph: one output, no GPU. They run on the thread of the
// CPU stream that is the default of the thread that made them.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mlx/backend/cpu/encoder.h"
#include "mlx/mlx.h"
#include "mlx/primitives.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

inline bool default_is_cpu() { return mx::default_device() == mx::Device::cpu; }

class CpuPrimitive : public mx::UnaryPrimitive {
 public:
  CpuPrimitive() : UnaryPrimitive(mx::default_stream(mx::Device::cpu)) {}

  void eval_gpu(const std::vector<mx::array>&, mx::array&) override {
    throw std::logic_error(std::string(name()) + " runs on CPU streams only.");
  }

 protected:
  /// Has compute(inputs, data of out) run on the stream's thread, `out` being allocated before.
  /// What it throws fails the evaluation.
  template <class Compute>
  void dispatch(const std::vector<mx::array>& inputs, mx::array& out, Compute compute) {
    out.set_data(mx::allocator::malloc(out.nbytes()));
    auto& encoder = mx::cpu::get_command_encoder(stream());
    std::vector<mx::array> views;  // MLX keeps the buffers until the task is done
    for (const auto& input : inputs) {
      encoder.set_input_array(input);
      views.push_back(mx::array::unsafe_weak_copy(input));
    }
    encoder.set_output_array(out);
    encoder.dispatch([compute = std::move(compute), views = std::move(views),
                      to = mx::array::unsafe_weak_copy(out)]() mutable {
      compute(std::as_const(views), to.template data<float>());
    });
  }
};

}  // namespace mlxd::kernels
