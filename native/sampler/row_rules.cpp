#include "sampler/row_rules.h"

#include <algorithm>
#include <limits>

namespace mlxd {
namespace {

float penalized(float logit, const SamplingParams& params, int recent, int generated) {
  if (recent > 0) {
    logit = logit < 0 ? logit * params.repetition_penalty : logit / params.repetition_penalty;
  }
  if (generated > 0) {
    logit -= params.presence_penalty + params.frequency_penalty * static_cast<float>(generated);
  }
  return logit;
}

}  // namespace

void change_logits(const SamplerRow& row, std::optional<Token> in_flight, float* logits) {
  for (const TokenBias& entry : row.params.logit_bias) logits[entry.token] += entry.bias;
  for (const SeenToken& seen : row.seen) {
    const int more = in_flight == seen.token ? 1 : 0;
    if (more > 0) in_flight.reset();
    float& logit = logits[seen.token];
    logit = penalized(logit, row.params, seen.recent + more, seen.generated + more);
  }
  if (!in_flight) return;
  logits[*in_flight] = penalized(logits[*in_flight], row.params, 1, 1);
}

void forbid_others(const TokenMask& allowed, float* logits, int vocab) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (int first = 0; first < vocab; first += 32) {
    const size_t word = static_cast<size_t>(first) / 32;
    const uint32_t bits = word < allowed.size() ? allowed[word] : 0;
    const int count = std::min(32, vocab - first);
    if (bits == 0) {
      std::fill_n(logits + first, count, kNever);
      continue;
    }
    for (int i = 0; i < count; ++i) {
      if ((bits >> i & 1) == 0) logits[first + i] = kNever;
    }
  }
}

}  // namespace mlxd
