// The second half of a block: residual + mlp(norm(x)), of one kind or another.
#pragma once

#include <optional>

#include "loader/config.h"
#include "nn/experts.h"
#include "nn/norm.h"

namespace mlxd {

class FeedForward {
 public:
  virtual ~FeedForward() = default;

  /// x and residual [T, hidden] -> residual + mlp(norm(x)). In most families x is the residual.
  virtual mx::array operator()(const mx::array& x, const mx::array& residual) const = 0;
};

/// What surrounds an MLP in its block.
struct MlpPlace {
  std::optional<nn::Norm> before, after;
  nn::Bias bias = nn::Bias::if_present;
  float scale = 1;  // of what joins the residual stream
};

/// down(activation(gate) * up).
class GatedMlp : public FeedForward {
 public:
  /// Takes `gate_proj`, `up_proj` and `down_proj` of `w`.
  GatedMlp(const Config& c, const nn::Weights& w, const MlpPlace& place);

  mx::array operator()(const mx::array& x, const mx::array& residual) const override {
    return down_(gate_up_(x), residual);
  }

 private:
  nn::NormGlu gate_up_;
  nn::ResidualLinear down_;
};

/// down(activation(up)).
class PlainMlp : public FeedForward {
 public:
  PlainMlp(nn::NormActivated up, nn::ResidualLinear down)
      : up_(std::move(up)), down_(std::move(down)) {}

  mx::array operator()(const mx::array& x, const mx::array& residual) const override {
    return down_(up_(x), residual);
  }

 private:
  nn::NormActivated up_;
  nn::ResidualLinear down_;
};

/// An expert that every token goes through, weighed by a gate of its own if there is one.
class SharedExpert {
 public:
  /// Takes `gate_proj`, `up_proj` and `down_proj` of `w`, gated by a linear layer to one number.
  SharedExpert(const Config& c, const nn::Weights& w, int intermediate,
               std::optional<nn::Linear> gate = std::nullopt);

  /// normed [T, hidden], residual [T, hidden] -> residual + sigmoid(gate) * expert(normed).
  mx::array operator()(const mx::array& normed, const mx::array& residual) const;

 private:
  nn::NormGlu gate_up_;
  nn::Linear down_;
  std::optional<nn::Linear> gate_;
};

/// A mixture of experts.
class Mixture : public FeedForward {
 public:
  Mixture(nn::Norm norm, nn::Router router, nn::Experts experts,
          std::optional<SharedExpert> shared = std::nullopt)
      : norm_(std::move(norm)),
        router_(std::move(router)),
        experts_(std::move(experts)),
        shared_(std::move(shared)) {}

  mx::array operator()(const mx::array& x, const mx::array& residual) const override {
    const mx::array normed = norm_(x);
    const mx::array y = residual + experts_(normed, router_(normed));
    return shared_ ? (*shared_)(normed, y) : y;
  }

 private:
  nn::Norm norm_;
  nn::Router router_;
  nn::Experts experts_;
  std::optional<SharedExpert> shared_;
};

/// What a checkpoint whose experts are apart calls the layers of each.
struct ExpertNames {
  const char *gate, *up, *down;
};

inline constexpr ExpertNames kLlamaNames{"gate_proj", "up_proj", "down_proj"};
inline constexpr ExpertNames kMixtralNames{"w1", "w3", "w2"};

/// Stacks `experts.E` of `w`, where they are apart, to `switch_mlp`, and takes that.
nn::Experts take_experts(const Config& c, const nn::Weights& w, int experts, int intermediate,
                         const ExpertNames& names = kLlamaNames);

}  // namespace mlxd
