// See norm.h.
#include "nn/norm.h"

#include <cmath>

#include "kernels/glu.h"
#include "kernels/leaves.h"

namespace mlxd::nn {

namespace {

std::optional<kernels::NormLayer> layer_of(const std::optional<Norm>& norm) {
  return norm ? std::optional(norm->layer()) : std::nullopt;
}

std::optional<mx::array> take_bias(const Weights& w, int width, Bias bias) {
  if (bias != Bias::required && !w.has("bias")) return std::nullopt;
  return w.take_dense("bias", {width});
}

// The sum in float32: in the file's 16 bits 1 + weight would lose most of a weight.
mx::array take_weight(const Weights& w, int width, float offset) {
  const mx::array weight = w.take_dense("weight", {width});
  if (offset == 0) return weight;
  const mx::array sum = mx::astype(weight, mx::float32) + mx::array(offset);
  mx::eval(sum);
  return sum;
}

}  // namespace

RmsNorm::RmsNorm(const Weights& w, int width, float eps, float offset)
    : Norm(take_weight(w, width, offset), std::nullopt, eps, false) {}

GroupRmsNorm::GroupRmsNorm(const Weights& w, int groups, int width, float eps)
    : Norm(mx::ones({width}), std::nullopt, eps, false) {
  gains_ = w.take_dense("weight", {groups * width});
}

// The RMS norm divides by the mean of squares, not by their sum.
UnitNorm::UnitNorm(int width, float eps, float scale)
    : Norm(mx::full({width}, scale / std::sqrt(static_cast<float>(width))), std::nullopt,
           eps / static_cast<float>(width), false) {}

LayerNorm::LayerNorm(const Weights& w, int width, float eps, Bias bias)
    : Norm(w.take_dense("weight", {width}), take_bias(w, width, bias), eps, true) {}

HeadLayerNorm::HeadLayerNorm(const mx::array& weights, float eps)
    : Norm(mx::ones({weights.shape(1)}, weights.dtype()), std::nullopt, eps, true) {
  gains_ = mx::flatten(weights);
}

mx::array Norm::operator()(const mx::array& x) const {
  const mx::array normed = kernels::norm(x, layer());
  return gains_ ? normed * mx::astype(*gains_, normed.dtype()) : normed;
}

// The factor joins weight and bias, in float32: a norm's weight may be wider than what flows.
Norm Norm::scaled(float scale) const {
  const auto times = [&](const mx::array& x) {
    const mx::array product = mx::astype(x, mx::float32) * mx::array(scale);
    mx::eval(product);
    return product;
  };
  Norm norm = *this;
  norm.weight_ = times(weight_);
  if (bias_) norm.bias_ = times(*bias_);
  return norm;
}

Qkv NormQkv::operator()(const mx::array& x) const {
  const auto q = q_.layer(), k = k_.layer(), v = v_.layer();
  if (kernels::can_fuse(x, {q, k, v})) {
    const auto out = kernels::norm_linears(x, layer_of(norm_), {q, k, v});
    return {out[0], out[1], out[2]};
  }
  const mx::array normed = norm_ ? (*norm_)(x) : x;
  return {q_(normed), k_(normed), v_(normed)};
}

mx::array NormGlu::operator()(const mx::array& x) const {
  const auto gate_layer = gate_.layer(), up_layer = up_.layer();
  if (kernels::can_fuse(x, {gate_layer, up_layer})) {
    return kernels::norm_glu(activation_, x, layer_of(norm_), gate_layer, up_layer);
  }
  const mx::array normed = norm_ ? (*norm_)(x) : x;
  return kernels::glu(activation_, gate_(normed), up_(normed));
}

mx::array NormActivated::operator()(const mx::array& x) const {
  const auto layer = linear_.layer();
  if (kernels::can_fuse(x, {layer})) {
    return kernels::activate(activation_, kernels::norm_linears(x, layer_of(norm_), {layer})[0]);
  }
  return kernels::activate(activation_, linear_(norm_ ? (*norm_)(x) : x));
}

mx::array ResidualLinear::operator()(const mx::array& x, const mx::array& residual) const {
  const kernels::LinearLayer layer = linear_.layer();
  if (kernels::can_fuse(x, {layer})) {
    return kernels::linear_add(layer, x, residual, {layer_of(norm_), scale_});
  }
  const mx::array y = linear_(x);
  const mx::array normed = norm_ ? (*norm_)(y) : y;
  return residual + (scale_ == 1 ? normed : normed * mx::array(scale_, normed.dtype()));
}

}  // namespace mlxd::nn
