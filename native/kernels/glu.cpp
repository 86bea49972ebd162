#include "kernels/glu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <stdexcept>

#include "kernels/cpu/elementwise.h"
#include "kernels/rows_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// Inputs gate and up [N], contiguous.
class CpuGlu final : public CpuPrimitive {
 public:
  explicit CpuGlu(Activation activation) : activation_(activation) {}
  DEFINE_NAME(CpuGlu)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return activation_ == static_cast<const CpuGlu&>(other).activation_;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) const override {
    const size_t size = inputs[0].size();
    float* out = outputs[0].data<float>();
    std::memcpy(out, inputs[0].data<float>(), size * sizeof(float));
    cpu::glu(activation_, out, inputs[1].data<float>(), size, cpu::best_isa(),
             cpu::ThreadPool::shared());
  }

 private:
  Activation activation_;
};

// Input x [T, columns].
class CpuActivation final : public RowsPrimitive {
 public:
  CpuActivation(Activation activation, int columns) : activation_(activation), columns_(columns) {}
  DEFINE_NAME(CpuActivation)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const CpuActivation&>(other);
    return activation_ == same.activation_ && columns_ == same.columns_;
  }

  void compute_rows(const RowsCall& call) const override {
    const cpu::Rows& x = call.inputs[0];
    const size_t columns = columns_;
    float* out = call.outputs[0];
    for (int r = 0; r < x.count; ++r) {
      std::copy_n(x.data + r * x.stride, columns, out + r * columns);
    }
    cpu::activate(activation_, out, x.count * columns, cpu::best_isa(), cpu::ThreadPool::shared());
  }

 private:
  Activation activation_;
  int columns_;
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

mx::array activated(Activation activation, const mx::array& x) {
  switch (activation) {
    case Activation::silu:
      return x * mx::sigmoid(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::clamped_silu:
      break;
  }
  throw std::logic_error("Activation: takes a gate.");
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
  if (activation == Activation::clamped_silu) return clamped_silu(gate, up);
  return activated(activation, gate) * up;
}

mx::array activate(Activation activation, const mx::array& x) {
  if (activation == Activation::clamped_silu) {
    throw std::invalid_argument("Activation: clamped_silu needs a gate.");
  }
  if (!use_own_kernels() || x.dtype() != mx::float32) return activated(activation, x);
  return mx::array(x.shape(), mx::float32, std::make_shared<CpuActivation>(activation, x.shape(1)),
                   {x});
}

}  // namespace mlxd::kernels
