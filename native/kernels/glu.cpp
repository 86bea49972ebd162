#include "kernels/glu.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <stdexcept>

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// Inputs gate and up [N], contiguous.
class CpuGlu final : public CpuPrimitive {
 public:
  explicit CpuGlu(Activation activation) : activation_(activation) {}
  DEFINE_NAME(CpuGlu)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [activation = activation_](const auto& views, float* out) {
      const size_t size = views[0].size();
      std::memcpy(out, views[0].template data<float>(), size * sizeof(float));
      cpu::glu(activation, out, views[1].template data<float>(), size, cpu::best_isa(),
               cpu::ThreadPool::shared());
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return activation_ == static_cast<const CpuGlu&>(other).activation_;
  }

 private:
  Activation activation_;
};

mx::array constant(double value, const mx::array& like) {
  return mx::array(static_cast<float>(value), like.dtype());
}

mx::array gelu(const mx::array& x) {
  const mx::array half = constant(0.5, x), one = constant(1, x);
  return half * x * (one + mx::erf(x * constant(std::numbers::sqrt2 / 2, x)));
}

mx::array gelu_tanh(const mx::array& x) {
  const mx::array cubed = constant(0.044715, x) * x * x * x;
  return x * mx::sigmoid(constant(2 * std::sqrt(2 / std::numbers::pi), x) * (x + cubed));
}

mx::array clamped_silu(const mx::array& gate, const mx::array& up) {
  const mx::array limit = constant(7, gate);
  const mx::array g = mx::minimum(gate, limit);
  return g * mx::sigmoid(constant(1.702, g) * g) *
         (mx::clip(up, mx::negative(limit), limit) + constant(1, up));
}

}  // namespace

mx::array glu(Activation activation, const mx::array& gate, const mx::array& up) {
  if (gate.shape() != up.shape() || gate.dtype() != up.dtype()) {
    throw std::invalid_argument("GLU: gate and up differ in shape or type.");
  }
  if (use_own_kernels() && gate.dtype() == mx::float32) {
    return mx::array(gate.shape(), mx::float32, std::make_shared<CpuGlu>(activation),
                     {mx::contiguous(gate), mx::contiguous(up)});
  }
  switch (activation) {
    case Activation::silu:
      return gate * mx::sigmoid(gate) * up;
    case Activation::gelu_tanh:
      return gelu_tanh(gate) * up;
    case Activation::gelu:
      return gelu(gate) * up;
    case Activation::clamped_silu:
      return clamped_silu(gate, up);
  }
  throw std::logic_error("GLU: no such activation.");
}

}  // namespace mlxd::kernels
