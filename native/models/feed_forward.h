// The second half of a block: h + mlp(norm(h)), of one kind or another.
#pragma once

#include <optional>

#include "loader/config.h"
#include "nn/experts.h"
#include "nn/norm.h"

namespace mlxd {

class FeedForward {
 public:
  virtual ~FeedForward() = default;

  /// h [T, hidden] -> h + mlp(norm(h)).
  virtual mx::array operator()(const mx::array& h) const = 0;
};

/// down(activation(gate) * up).
class GatedMlp : public FeedForward {
 public:
  /// Takes `post_attention_layernorm` and `mlp` of the layer's weights `w`.
  GatedMlp(const Config& c, const nn::Weights& w, nn::Bias bias = nn::Bias::if_present);

  mx::array operator()(const mx::array& h) const override { return down_(gate_up_(h), h); }

 private:
  nn::NormGlu gate_up_;
  nn::ResidualLinear down_;
};

/// A mixture of experts.
class Mixture : public FeedForward {
 public:
  Mixture(nn::RmsNorm norm, nn::Router router, nn::Experts experts)
      : norm_(std::move(norm)), router_(std::move(router)), experts_(std::move(experts)) {}

  mx::array operator()(const mx::array& h) const override {
    const mx::array normed = norm_(h);
    return h + experts_(normed, router_(normed));
  }

 private:
  nn::RmsNorm norm_;
  nn::Router router_;
  nn::Experts experts_;
};

}  // namespace mlxd
