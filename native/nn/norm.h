// Normalization, alone and joined with the linear layers that follow it in a block.
#pragma once

#include "nn/linear.h"

namespace mlxd::nn {

/// x * weight / sqrt(mean(x^2) + eps) over the last axis, or over each head of it.
class RmsNorm {
 public:
  /// Takes `weight` [width] of `w`.
  RmsNorm(const Weights& w, int width, float eps)
      : weight_(w.take_dense("weight", {width})), eps_(eps) {}

  /// x [..., n * width], each run of `width` columns by itself -> the same shape.
  mx::array operator()(const mx::array& x) const;

  const mx::array& weight() const { return weight_; }
  float eps() const { return eps_; }

 private:
  mx::array weight_;
  float eps_;
};

struct Qkv {
  mx::array q, k, v;
};

/// norm, then the query, key and value projections.
class NormQkv {
 public:
  NormQkv(RmsNorm norm, Linear q, Linear k, Linear v)
      : norm_(std::move(norm)), q_(std::move(q)), k_(std::move(k)), v_(std::move(v)) {}

  /// x [T, hidden] -> q [T, heads * head_dim], k and v [T, kv_heads * head_dim].
  Qkv operator()(const mx::array& x) const;

 private:
  RmsNorm norm_;
  Linear q_, k_, v_;
};

/// norm, then silu(gate) * up: the first half of a gated MLP.
class NormSwiGlu {
 public:
  NormSwiGlu(RmsNorm norm, Linear gate, Linear up)
      : norm_(std::move(norm)), gate_(std::move(gate)), up_(std::move(up)) {}

  /// x [T, hidden] -> [T, intermediate].
  mx::array operator()(const mx::array& x) const;

 private:
  RmsNorm norm_;
  Linear gate_, up_;
};

}  // namespace mlxd::nn
