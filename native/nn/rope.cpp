// See rope.h.
#include "nn/rope.h"

#include <cmath>
#include <numbers>
#include <stdexcept>

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

int rotated_columns(const RopeConfig& config, int head_dim) {
  const int dims = static_cast<int>(static_cast<float>(head_dim) * config.rotated.value_or(1));
  if (dims % 2 == 0) return dims;
  throw std::runtime_error("config.json: partial_rotary_factor rotates " + std::to_string(dims) +
                           " columns of a head of " + std::to_string(head_dim) +
                           "; the number must be even");
}

kernels::Rope make_rope(const RopeConfig& config, int head_dim) {
  const int dims = rotated_columns(config, head_dim);
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

Rope::Rope(const RopeConfig& config, int head_dim) : rope_(make_rope(config, head_dim)) {}

}  // namespace mlxd::nn
