#include "kernels/leaves.h"

#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "kernels/cpu/matmul.h"
#include "kernels/cpu_primitive.h"
#include "kernels/cpu_rows.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

// A layer, and how it is computed.
class Factor {
 public:
  explicit Factor(const LinearLayer& layer)
      : matrix_(*layer.weight.packed()), precision_(layer.weight.precision()) {
    if (layer.bias) bias_ = *layer.bias;
  }

  bool operator==(const Factor& other) const {
    return matrix_ == other.matrix_ && precision_ == other.precision_ && bias() == other.bias();
  }

  int outputs() const { return matrix_->format().rows; }

  cpu::Layer layer() const { return {matrix_.get(), bias()}; }
  cpu::Compute how() const { return {precision_, cpu::best_isa(), cpu::ThreadPool::shared()}; }

 private:
  const float* bias() const { return bias_ ? bias_->data<float>() : nullptr; }

  SharedMatrix matrix_;
  Precision precision_;
  std::optional<mx::array> bias_;
};

// x [T, K] and the weight [K] of its RMS norm, copied where they do not lie as kernels want them.
class NormedInput {
 public:
  NormedInput(const mx::array& x, const mx::array& weight, float eps)
      : input_{gather_rows(x, copy_), cpu::RmsNorm{gather_vector(weight, weight_copy_), eps}} {}

  const cpu::Input& operator*() const { return input_; }

 private:
  std::vector<float> copy_, weight_copy_;
  cpu::Input input_;
};

class LinearAdd final : public CpuPrimitive {
 public:
  explicit LinearAdd(Factor w) : w_(std::move(w)) {}
  DEFINE_NAME(LinearAdd)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs, [w = w_](const auto& views, float* y) {
      std::vector<float> copy, residual_copy;
      cpu::matmul_add({w.layer(), y}, {gather_rows(views[0], copy)},
                      gather_rows(views[1], residual_copy), w.how());
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[1].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    return w_ == static_cast<const LinearAdd&>(other).w_;
  }

 private:
  Factor w_;
};

// Inputs x [T, K] and the norm's weight [K]; an output for each factor.
class NormLinears final : public CpuPrimitive {
 public:
  NormLinears(float eps, std::vector<Factor> factors) : eps_(eps), factors_(std::move(factors)) {}
  DEFINE_NAME(NormLinears)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch(inputs, outputs, [eps = eps_, factors = factors_](const auto& views, auto& out) {
      std::vector<cpu::Product> products;
      for (size_t i = 0; i < factors.size(); ++i) {
        products.push_back({factors[i].layer(), out[i].template data<float>()});
      }
      cpu::matmuls(products, *NormedInput(views[0], views[1], eps), factors[0].how());
    });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    std::vector<mx::Shape> shapes;
    for (const Factor& w : factors_) shapes.push_back({inputs[0].shape(0), w.outputs()});
    return shapes;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const NormLinears&>(other);
    return eps_ == same.eps_ && factors_ == same.factors_;
  }

 private:
  float eps_;
  std::vector<Factor> factors_;
};

// Inputs as NormLinears.
class NormSwiglu final : public CpuPrimitive {
 public:
  NormSwiglu(float eps, Factor gate, Factor up)
      : eps_(eps), gate_(std::move(gate)), up_(std::move(up)) {}
  DEFINE_NAME(NormSwiglu)

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    dispatch_one(inputs, outputs,
                 [eps = eps_, gate = gate_, up = up_](const auto& views, float* y) {
                   cpu::matmul_glu(cpu::Activation::silu, {gate.layer(), y}, up.layer(),
                                   *NormedInput(views[0], views[1], eps), gate.how());
                 });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), gate_.outputs()}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const NormSwiglu&>(other);
    return eps_ == same.eps_ && gate_ == same.gate_ && up_ == same.up_;
  }

 private:
  float eps_;
  Factor gate_, up_;
};

void check(bool fit, const char* what, const mx::array& a, const mx::array& b) {
  if (fit) return;
  std::ostringstream text;
  text << what << ": " << a.shape() << " does not fit " << b.shape() << ".";
  throw std::invalid_argument(text.str());
}

void check_layer(const LinearLayer& layer, const mx::array& x) {
  const WeightMatrix& w = layer.weight;
  if (layer.bias) {
    check(layer.bias->shape() == mx::Shape{w.rows_count()}, "Bias", *layer.bias, x);
  }
  if (x.ndim() == 2 && x.shape(1) == w.columns()) return;
  std::ostringstream text;
  text << "Input " << x.shape() << " does not fit a matrix of " << w.columns() << " columns.";
  throw std::invalid_argument(text.str());
}

// x and the weight as the primitives take them.
std::vector<mx::array> norm_inputs(const mx::array& x, const mx::array& weight) {
  check(weight.ndim() == 1 && x.ndim() == 2 && x.shape(1) == weight.shape(0), "Norm: weight",
        weight, x);
  return {x, mx::astype(weight, mx::float32)};
}

}  // namespace

bool can_fuse(const mx::array& x, LinearLayers layers) {
  for (const auto& [weight, bias] : layers) {
    if (weight.precision() != layers.begin()->weight.precision()) return false;
    if (weight.packed() == nullptr || (bias && bias->dtype() != mx::float32)) return false;
  }
  return use_own_kernels() && x.dtype() == mx::float32;
}

mx::array linear_add(const LinearLayer& layer, const mx::array& x, const mx::array& residual) {
  check_layer(layer, x);
  check(residual.shape() == mx::Shape{x.shape(0), layer.weight.rows_count()}, "Residual", residual,
        x);
  return mx::array(residual.shape(), mx::float32, std::make_shared<LinearAdd>(Factor(layer)),
                   {x, mx::astype(residual, mx::float32)});
}

std::vector<mx::array> norm_linears(const mx::array& x, const mx::array& weight, float eps,
                                    LinearLayers layers) {
  std::vector<Factor> factors;
  std::vector<mx::Shape> shapes;
  for (const LinearLayer& layer : layers) {
    check_layer(layer, x);
    factors.emplace_back(layer);
    shapes.push_back({x.shape(0), layer.weight.rows_count()});
  }
  const std::vector<mx::Dtype> types(shapes.size(), mx::float32);
  return mx::array::make_arrays(std::move(shapes), types,
                                std::make_shared<NormLinears>(eps, std::move(factors)),
                                norm_inputs(x, weight));
}

mx::array norm_swiglu(const mx::array& x, const mx::array& weight, float eps,
                      const LinearLayer& gate, const LinearLayer& up) {
  check_layer(gate, x);
  check_layer(up, x);
  if (gate.weight.rows_count() != up.weight.rows_count()) {
    throw std::invalid_argument("SwiGLU: gate and up differ in their number of rows.");
  }
  return mx::array({x.shape(0), gate.weight.rows_count()}, mx::float32,
                   std::make_shared<NormSwiglu>(eps, Factor(gate), Factor(up)),
                   norm_inputs(x, weight));
}

}  // namespace mlxd::kernels
