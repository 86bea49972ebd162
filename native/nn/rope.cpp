// See rope.h.
#include "nn/rope.h"

#include <cmath>
#include <numbers>

namespace mlxd::nn {

namespace {

// Llama 3.1's rule on each rotation's wavelength (2 pi periods), as its reference code has it: long
// wavelengths are stretched by `factor`, short ones kept, between them frequency is interpolated.
float scaled_period(float period, const Llama3RopeScaling& s) {
  const float turns = s.original_context / (2 * std::numbers::pi_v<float> * period);
  if (turns < s.low_freq_factor) return period * s.factor;
  if (turns > s.high_freq_factor) return period;
  const float smooth = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return period / ((1 - smooth) / s.factor + smooth);
}

std::vector<float> llama3_periods(float theta, int dims, const Llama3RopeScaling& scaling) {
  std::vector<float> periods;
  for (int i = 0; i < dims; i += 2) {
    periods.push_back(scaled_period(std::pow(theta, static_cast<float>(i) / dims), scaling));
  }
  return periods;
}

kernels::Rope make_rope(const RopeConfig& config, int dims) {
  float scale = 1;  // of positions
  std::optional<std::vector<float>> periods;
  if (const auto* linear = std::get_if<LinearRopeScaling>(&config.scaling)) {
    scale = 1 / linear->factor;
  } else if (const auto* llama3 = std::get_if<Llama3RopeScaling>(&config.scaling)) {
    periods = llama3_periods(config.theta, dims, *llama3);
  }
  return kernels::Rope(dims, config.traditional, config.theta, scale, periods);
}

}  // namespace

Rope::Rope(const RopeConfig& config, int dims) : rope_(make_rope(config, dims)) {}

}  // namespace mlxd::nn
