#include "kernels/leaves.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu_norm.h"
#include "kernels/rows_primitive.h"
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

std::optional<CpuNorm> cpu_norm(const std::optional<NormLayer>& layer) {
  return layer ? std::optional(CpuNorm(*layer)) : std::nullopt;
}

// A leaf's first input, a matrix x [T, K], and the norm that it passes, whose inputs come next.
cpu::Input normed_input(const RowsCall& call, const std::optional<CpuNorm>& norm) {
  return {call.inputs[0], norm ? std::optional(norm->with(&call.inputs[1])) : std::nullopt};
}

// Inputs x, the residual and those of the norm if there is one.
class LinearAdd final : public RowsPrimitive {
 public:
  LinearAdd(Factor w, const Joining& joining)
      : w_(std::move(w)), norm_(cpu_norm(joining.norm)), scale_(joining.scale) {}
  DEFINE_NAME(LinearAdd)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {inputs[1].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const LinearAdd&>(other);
    return !has_taken() && !same.has_taken() && w_ == same.w_ && norm_ == same.norm_ &&
           scale_ == same.scale_;
  }

  /// x [T, K] and the others to the sum; takes in what computes them.
  static mx::array sum(std::shared_ptr<LinearAdd> self, std::vector<mx::array> inputs) {
    const mx::array residual = inputs[1];
    inputs = self->take_in(std::move(inputs));
    const auto written = self->written_.lock();
    self->is_first_half_ = written && std::any_of(inputs.begin(), inputs.end(), [&](const auto& a) {
                             return a.id() == residual.id();
                           });
    mx::array sum(residual.shape(), mx::float32, std::move(self), std::move(inputs));
    if (written) *written = sum;
    return sum;
  }

  void compute_rows(const RowsCall& call) const override {
    const cpu::Product product{w_.layer(), call.outputs[0]};
    const cpu::Input x{call.inputs[0]};
    const cpu::Rows& residual = call.inputs[1];
    const cpu::Compute how = w_.how();
    if (!norm_ && scale_ == 1) return cpu::matmul_add(product, x, residual, how);
    cpu::matmul(product, x, how);
    const auto norm = norm_ ? std::optional(norm_->with(&call.inputs[2])) : std::nullopt;
    cpu::join_rows(norm, scale_, residual, w_.outputs(), product.y, how.isa, how.pool);
  }

 protected:
  // The second half of a block begins with what the first ends with, and adds to it.
  int uses() const override { return is_first_half_ ? 2 : 0; }

 private:
  Factor w_;
  std::optional<CpuNorm> norm_;
  float scale_;
  bool is_first_half_ = false;  // of a block: attention, the residual stream from outside
};

// Inputs x [T, K] and those of the norm if there is one; an output for each factor.
class NormLinears final : public RowsPrimitive {
 public:
  NormLinears(const std::optional<CpuNorm>& norm, std::vector<Factor> factors)
      : norm_(norm), factors_(std::move(factors)) {}
  DEFINE_NAME(NormLinears)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    std::vector<mx::Shape> shapes;
    for (const Factor& w : factors_) shapes.push_back({inputs[0].shape(0), w.outputs()});
    return shapes;
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const NormLinears&>(other);
    return norm_ == same.norm_ && factors_ == same.factors_;
  }

  void compute_rows(const RowsCall& call) const override {
    std::vector<cpu::Product> products;
    for (size_t i = 0; i < factors_.size(); ++i) {
      products.push_back({factors_[i].layer(), call.outputs[i]});
    }
    cpu::matmuls(products, normed_input(call, norm_), factors_[0].how());
  }

 protected:
  int uses() const override { return static_cast<int>(factors_.size()); }

 private:
  std::optional<CpuNorm> norm_;
  std::vector<Factor> factors_;
};

// Inputs as NormLinears.
class NormGlu final : public RowsPrimitive {
 public:
  NormGlu(Activation activation, const std::optional<CpuNorm>& norm, Factor gate, Factor up)
      : activation_(activation), norm_(norm), gate_(std::move(gate)), up_(std::move(up)) {}
  DEFINE_NAME(NormGlu)

  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    return {{inputs[0].shape(0), gate_.outputs()}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& same = static_cast<const NormGlu&>(other);
    return activation_ == same.activation_ && norm_ == same.norm_ && gate_ == same.gate_ &&
           up_ == same.up_;
  }

  void compute_rows(const RowsCall& call) const override {
    cpu::matmul_glu(activation_, {gate_.layer(), call.outputs[0]}, up_.layer(),
                    normed_input(call, norm_), gate_.how());
  }

 protected:
  int uses() const override { return 1; }

 private:
  Activation activation_;
  std::optional<CpuNorm> norm_;
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

// Adds those of the norm, if there is one, of `width` columns of `x`.
std::vector<mx::array> with_norm(std::vector<mx::array> inputs,
                                 const std::optional<NormLayer>& norm, int width) {
  if (!norm) return inputs;
  const mx::Shape shape{width};
  check(norm->weight.shape() == shape, "Norm: weight", norm->weight, inputs[0]);
  if (norm->bias) check(norm->bias->shape() == shape, "Norm: bias", *norm->bias, inputs[0]);
  for (const mx::array& input : CpuNorm::inputs(*norm)) inputs.push_back(input);
  return inputs;
}

}  // namespace

bool can_fuse(const mx::array& x, LinearLayers layers) {
  for (const auto& [weight, bias, has_more] : layers) {
    if (has_more || weight.precision() != layers.begin()->weight.precision()) return false;
    if (weight.packed() == nullptr || (bias && bias->dtype() != mx::float32)) return false;
  }
  return use_own_kernels() && x.dtype() == mx::float32;
}

mx::array linear_add(const LinearLayer& layer, const mx::array& x, const mx::array& residual,
                     const Joining& joining) {
  check_layer(layer, x);
  check(residual.shape() == mx::Shape{x.shape(0), layer.weight.rows_count()}, "Residual", residual,
        x);
  return LinearAdd::sum(
      std::make_shared<LinearAdd>(Factor(layer), joining),
      with_norm({x, mx::astype(residual, mx::float32)}, joining.norm, residual.shape(1)));
}

std::vector<mx::array> norm_linears(const mx::array& x, const std::optional<NormLayer>& norm,
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
                                std::make_shared<NormLinears>(cpu_norm(norm), std::move(factors)),
                                with_norm({x}, norm, x.shape(1)));
}

mx::array norm_glu(Activation activation, const mx::array& x, const std::optional<NormLayer>& norm,
                   const LinearLayer& gate, const LinearLayer& up) {
  check_layer(gate, x);
  check_layer(up, x);
  if (gate.weight.rows_count() != up.weight.rows_count()) {
    throw std::invalid_argument("GLU: gate and up differ in their number of rows.");
  }
  return mx::array({x.shape(0), gate.weight.rows_count()}, mx::float32,
                   std::make_shared<NormGlu>(activation, cpu_norm(norm), Factor(gate), Factor(up)),
                   with_norm({x}, norm, x.shape(1)));
}

}  // namespace mlxd::kernels
