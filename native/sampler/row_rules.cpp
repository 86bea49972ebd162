#include "sampler/row_rules.h"

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

}  // namespace mlxd
