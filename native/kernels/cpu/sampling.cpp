#include "kernels/cpu/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/candidates.h"
#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

// So far below the best, a token has no weight at any temperature that is of use.
constexpr float kDepth = 1000;

// Of logits, for one thread of those that share a row.
constexpr int kPartOfRow = 8192;

// Memory of the size of a vocabulary, kept: to get it anew costs as much as to fill it.
struct Scratch {
  Weights weights;
  Candidates candidates;
};

Scratch& scratch() {
  thread_local Scratch scratch;
  return scratch;
}

int draw_weighted(const float* x, int count, float largest, const DrawRules& rules, Isa isa) {
  Weights& weights = scratch().weights;
  weights.weigh(x, count, largest, 1 / rules.temperature, isa);
  return weights.find(rules.uniform);
}

bool before(const Best& a, const Best& b) {
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

// The logit that min_p and top_k ask for.
float floor_of(const float* logits, int vocab, float largest, const DrawRules& rules) {
  float floor = largest - kDepth;
  if (rules.min_p > 0) floor = std::max(floor, largest + std::log(rules.min_p));
  if (rules.top_k > 0 && rules.top_k < vocab) {
    const auto best = best_of(logits, vocab, rules.top_k);
    if (static_cast<int>(best.size()) == rules.top_k) floor = std::max(floor, best.back().value);
  }
  return floor;
}

// A logit at or somewhat below the least one that top_p keeps of the weighed tokens: `mass` lies at
// and above it. Found by bisection.
float least_of_mass(const Weights& weights, double mass, float low, float high, Isa isa) {
  constexpr int kHalvings = 6;
  const float largest = high;
  const double surely = mass * (1 + 1e-5);
  for (int i = 0; i < kHalvings; ++i) {
    const float middle = low + (high - low) / 2;
    (weights.sum_above(std::exp(middle - largest), isa) >= surely ? low : high) = middle;
  }
  return low - 1e-3f;  // makes up for rounding
}

void gather_top_p(const float* logits, int vocab, float largest, float floor, float top_p,
                  Candidates& candidates, Isa isa) {
  Weights& weights = scratch().weights;
  const double total = weights.weigh(logits, vocab, largest, 1, isa);
  // All tokens less probable than `low` together have less than what top_p leaves out, so that none
  // of them is needed.
  const double low = largest + std::log((1 - double(top_p)) * total / vocab);
  const float least = least_of_mass(weights, top_p * total, static_cast<float>(low), largest, isa);
  candidates.gather(logits, vocab, std::max(floor, least));
  candidates.keep_mass(top_p * total, largest, isa);
}

}  // namespace

int draw_token(const float* logits, int vocab, const DrawRules& rules, Isa isa) {
  float largest;
  const int best = kernel_table(isa).arg_max(logits, vocab, &largest);
  if (!std::isfinite(largest)) return best;
  if (!rules.leaves_out()) return draw_weighted(logits, vocab, largest, rules, isa);
  Candidates& candidates = scratch().candidates;
  const float floor = floor_of(logits, vocab, largest, rules);
  if (rules.top_p < 1) {
    gather_top_p(logits, vocab, largest, floor, rules.top_p, candidates, isa);
  } else {
    candidates.gather(logits, vocab, floor);
  }
  if (rules.typical_p < 1) candidates.keep_typical(rules.typical_p, isa);
  if (rules.xtc_threshold <= 1) candidates.exclude_top(rules.xtc_threshold, isa);
  kernel_table(isa).arg_max(candidates.logits(), candidates.size(), &largest);
  return candidates.id(draw_weighted(candidates.logits(), candidates.size(), largest, rules, isa));
}

int arg_max(const float* x, int count, Isa isa) {
  float largest;
  return kernel_table(isa).arg_max(x, count, &largest);
}

int arg_max(const float* x, int count, Isa isa, ThreadPool& pool) {
  const int parts = (count + kPartOfRow - 1) / kPartOfRow;
  std::vector<Best> found(parts);
  pool.run(parts, [&](int part) {
    const int begin = part * kPartOfRow;
    Best& best = found[part];
    best.index = begin + kernel_table(isa).arg_max(x + begin, std::min(kPartOfRow, count - begin),
                                                   &best.value);
  });
  const auto first = std::min_element(found.begin(), found.end(), before);
  // A part without numbers above -inf does not say whether it has any.
  const bool is_known = first != found.end() && std::isfinite(first->value);
  return is_known ? first->index : arg_max(x, count, isa);
}

double log_sum_exp(const float* x, int count, Isa isa) {
  float largest;
  kernel_table(isa).arg_max(x, count, &largest);
  if (!std::isfinite(largest)) return largest;
  return largest + std::log(scratch().weights.weigh(x, count, largest, 1, isa));
}

std::vector<Best> best_of(const float* x, int count, int k) {
  std::vector<Best> best;
  float least = -std::numeric_limits<float>::infinity();
  const auto keep_k = [&] {
    if (static_cast<int>(best.size()) <= k) return;
    std::nth_element(best.begin(), best.begin() + (k - 1), best.end(), before);
    best.resize(k);
    least = best.back().value;
  };
  for (int i = 0; i < count; ++i) {
    if (!(x[i] > least)) continue;
    best.push_back({i, x[i]});
    if (static_cast<int>(best.size()) == 2 * k) keep_k();
  }
  keep_k();
  std::sort(best.begin(), best.end(), before);
  return best;
}

}  // namespace mlxd::kernels::cpu
