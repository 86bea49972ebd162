// Normalization, alone and joined with the linear layers around it in a block.
#pragma once

#include <optional>

#include "nn/linear.h"

namespace mlxd::nn {

/// The norm that a family uses, over the last axis or over each head of it.
class Norm {
 public:
  /// x [..., n * width], each run of `width` columns by itself -> the same shape.
  mx::array operator()(const mx::array& x) const;

  /// The same norm whose results are `scale` times as large.
  Norm scaled(float scale) const;

  /// As the fused leaves take it; not of a norm whose runs have weights of their own.
  kernels::NormLayer layer() const { return {weight_, eps_, centred_, bias_ ? &*bias_ : nullptr}; }

 protected:
  Norm(mx::array weight, std::optional<mx::array> bias, float eps, bool centred)
      : weight_(std::move(weight)), bias_(std::move(bias)), eps_(eps), centred_(centred) {}

 private:
  mx::array weight_;
  std::optional<mx::array> bias_;
  float eps_;
  bool centred_;

 protected:
  std::optional<mx::array> gains_;  // [n * width], of the columns of all runs
};

/// x * weight / sqrt(mean(x^2) + eps).
class RmsNorm : public Norm {
 public:
  /// Takes `weight` [width] of `w`, to which `offset` is added.
  RmsNorm(const Weights& w, int width, float eps, float offset = 0);
};

/// RMS norm of each of `groups` runs of `width` columns, which have weights of their own.
class GroupRmsNorm : public Norm {
 public:
  /// Takes `weight` [groups * width] of `w`.
  GroupRmsNorm(const Weights& w, int groups, int width, float eps);
};

/// x * scale / sqrt(sum(x^2) + eps): to one length.
class UnitNorm : public Norm {
 public:
  UnitNorm(int width, float eps, float scale);
};

/// (x - mean(x)) * weight / sqrt(variance(x) + eps) + bias.
class LayerNorm : public Norm {
 public:
  /// Takes `weight` [width] of `w`, and `bias` [width] if it is there or required.
  LayerNorm(const Weights& w, int width, float eps, Bias bias = Bias::if_present);
};

/// (x - mean(x)) * weight / sqrt(variance(x) + eps) over each head of a row, which has its own
/// weight.
class HeadLayerNorm : public Norm {
 public:
  /// `weights` [heads, width].
  HeadLayerNorm(const mx::array& weights, float eps);
};

struct Qkv {
  mx::array q, k, v;
};

/// norm, then the query, key and value projections.
class NormQkv {
 public:
  /// Without a norm the projections are of x itself.
  NormQkv(std::optional<Norm> norm, Linear q, Linear k, Linear v)
      : norm_(std::move(norm)), q_(std::move(q)), k_(std::move(k)), v_(std::move(v)) {}

  /// x [T, hidden] -> q [T, heads * head_dim], k and v [T, kv_heads * head_dim].
  Qkv operator()(const mx::array& x) const;

 private:
  std::optional<Norm> norm_;
  Linear q_, k_, v_;
};

/// norm, then gate activated with up: the first half of a gated MLP.
class NormGlu {
 public:
  /// Without a norm of x itself.
  NormGlu(std::optional<Norm> norm, Linear gate, Linear up, kernels::Activation activation)
      : norm_(std::move(norm)),
        gate_(std::move(gate)),
        up_(std::move(up)),
        activation_(activation) {}

  /// x [T, hidden] -> [T, intermediate].
  mx::array operator()(const mx::array& x) const;

 private:
  std::optional<Norm> norm_;
  Linear gate_, up_;
  kernels::Activation activation_;
};

/// norm, then activation(linear): the first half of an MLP without a gate.
class NormActivated {
 public:
  NormActivated(std::optional<Norm> norm, Linear linear, kernels::Activation activation)
      : norm_(std::move(norm)), linear_(std::move(linear)), activation_(activation) {}

  /// x [T, hidden] -> [T, intermediate].
  mx::array operator()(const mx::array& x) const;

 private:
  std::optional<Norm> norm_;
  Linear linear_;
  kernels::Activation activation_;
};

/// A linear layer whose output is added to the residual stream.
class ResidualLinear {
 public:
  /// The output is first normalized, if there is a norm, then multiplied by `scale`.
  explicit ResidualLinear(Linear linear, std::optional<Norm> norm = std::nullopt, float scale = 1)
      : linear_(std::move(linear)), norm_(std::move(norm)), scale_(scale) {}

  /// x [T, inputs], residual [T, outputs] -> residual + scale * norm(linear(x)).
  mx::array operator()(const mx::array& x, const mx::array& residual) const;

 private:
  Linear linear_;
  std::optional<Norm> norm_;
  float scale_;
};

}  // namespace mlxd::nn
