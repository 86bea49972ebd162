#include "engine/core/sampling_params.h"

namespace mlxd {
namespace {

bool within(float value, float low, float high) { return value >= low && value <= high; }

std::string outside(const char* name, float value, const char* range) {
  return std::string(name) + " must be " + range + ", got " + std::to_string(value);
}

}  // namespace

std::optional<std::string> problem_of_logprobs(int logprobs) {
  if (logprobs >= 0 && logprobs <= kMaxLogprobs) return std::nullopt;
  return "logprobs must be from 0 to " + std::to_string(kMaxLogprobs) + ", got " +
         std::to_string(logprobs);
}

std::optional<std::string> problem_of(const SamplingParams& params, int vocab_size) {
  if (!(params.temperature >= 0)) return outside("temperature", params.temperature, "from 0");
  if (!within(params.top_p, 0, 1)) return outside("top_p", params.top_p, "from 0 to 1");
  if (!within(params.min_p, 0, 1)) return outside("min_p", params.min_p, "from 0 to 1");
  if (!within(params.typical_p, 0, 1)) return outside("typical_p", params.typical_p, "from 0 to 1");
  if (!within(params.xtc_probability, 0, 1)) {
    return outside("xtc_probability", params.xtc_probability, "from 0 to 1");
  }
  if (!within(params.xtc_threshold, 0, 1)) {
    return outside("xtc_threshold", params.xtc_threshold, "from 0 to 1");
  }
  if (!(params.repetition_penalty > 0)) {
    return outside("repetition_penalty", params.repetition_penalty, "above 0");
  }
  for (const TokenBias& entry : params.logit_bias) {
    if (entry.token >= 0 && entry.token < vocab_size) continue;
    return "logit_bias names token " + std::to_string(entry.token) +
           ", which is outside the vocabulary of " + std::to_string(vocab_size);
  }
  return problem_of_logprobs(params.logprobs.value_or(0));
}

}  // namespace mlxd
