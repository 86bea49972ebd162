// A convolution of each channel over a few positions of its own sequence.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "nn/linear.h"
#include "nn/step.h"

namespace mlxd::nn {

class ShortConv {
 public:
  /// Takes `weight` [channels, taps, 1], or [channels, 1, taps] as PyTorch has it, and `bias`
  /// [channels] of `w`.
  ShortConv(const Weights& w, int channels, int taps, Bias bias);

  /// x [T, channels] -> [T, channels]: of each position the sum of weight[i] * x[position - taps +
  /// 1 + i], plus the bias. Appends to the caches of `layer`.
  mx::array operator()(const mx::array& x, const Step& step, int layer) const;

  /// An empty cache for inputs of `type`.
  std::unique_ptr<LayerCache> make_cache(mx::Dtype type) const;

 private:
  mx::array convolve(const mx::array& inputs) const;

  int channels_;
  std::vector<mx::array> taps_;  // [channels] each, the newest position's last
  std::optional<mx::array> bias_;
};

}  // namespace mlxd::nn
