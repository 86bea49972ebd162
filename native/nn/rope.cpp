// See rope.h.
#include "nn/rope.h"

#include <algorithm>
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

std::vector<float> long_periods(float theta, int dims, const LongRopeScaling& scaling) {
  const size_t pairs = scaling.factors.size();
  if (pairs != static_cast<size_t>(dims / 2)) {
    throw std::runtime_error("config.json: rope_scaling has " + std::to_string(pairs) +
                             " factors, the heads have " + std::to_string(dims / 2) +
                             " pairs of rotated columns");
  }
  std::vector<float> periods;
  for (size_t i = 0; i < pairs; ++i) {
    periods.push_back(scaling.factors[i] * std::pow(theta, 2 * static_cast<float>(i) / dims));
  }
  return periods;
}

std::vector<float> yarn_periods(float theta, int dims, const YarnRopeScaling& s) {
  // The pair, not always a whole one, that turns so often over the original context.
  const auto turning = [&](double times) {
    return dims * std::log(s.original_context / (times * 2 * std::numbers::pi)) /
           (2 * std::log(static_cast<double>(theta)));
  };
  double first = turning(s.beta_fast), last = turning(s.beta_slow);
  if (s.whole_pairs) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, dims - 1.0);
  if (first == last) last += 0.001;  // a step in place of a ramp
  std::vector<float> periods;
  for (int i = 0; i < dims / 2; ++i) {
    const double period = std::pow(static_cast<double>(theta), 2.0 * i / dims);
    const double stretched = std::clamp((i - first) / (last - first), 0.0, 1.0);
    periods.push_back(static_cast<float>(period / (stretched / s.factor + (1 - stretched))));
  }
  return periods;
}

kernels::Rope make_rope(const RopeConfig& config, int head_dim) {
  const int dims = rotated_columns(config, head_dim);
  float scale = 1, magnitude = 1;  // of positions; of what is rotated
  std::optional<std::vector<float>> periods;
  if (const auto* linear = std::get_if<LinearRopeScaling>(&config.scaling)) {
    scale = 1 / linear->factor;
  } else if (const auto* llama3 = std::get_if<Llama3RopeScaling>(&config.scaling)) {
    periods = llama3_periods(config.theta, dims, *llama3);
  } else if (const auto* longrope = std::get_if<LongRopeScaling>(&config.scaling)) {
    periods = long_periods(config.theta, dims, *longrope);
    magnitude = longrope->magnitude;
  } else if (const auto* yarn = std::get_if<YarnRopeScaling>(&config.scaling)) {
    periods = yarn_periods(config.theta, dims, *yarn);
    magnitude = yarn->magnitude;
  }
  return kernels::Rope(dims, config.traditional, config.theta, scale, periods, magnitude);
}

}  // namespace

Rope::Rope(const RopeConfig& config, int head_dim) : rope_(make_rope(config, head_dim)) {}

}  // namespace mlxd::nn
