#include "kernels/cpu/candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/cpu/panel_kernels.h"
#include "kernels/cpu/sampling.h"

namespace mlxd::kernels::cpu {
namespace {

constexpr int kBlock = 1024;
constexpr int kChunk = 64;  // that is passed over as one where it holds no candidate
constexpr int kBins = 1024;

bool any_reaches(const float* x, int count, float floor) {
  int found = 0;
  for (int i = 0; i < count; ++i) found |= x[i] >= floor;
  return found != 0;
}

// The key at which weights, taken by rising key, reach `mass`; the last one if they do not. Only
// the bin of a histogram in which that happens is sorted.
float key_at_mass(const float* keys, const float* weights, int count, double mass) {
  const float last = *std::max_element(keys, keys + count);
  const float scale = last > 1e-30f ? (kBins - 1) / last : 0;  // finite, times any key
  const auto bin_of = [&](int i) { return std::min(static_cast<int>(keys[i] * scale), kBins - 1); };
  std::array<double, kBins> bins{};
  for (int i = 0; i < count; ++i) bins[bin_of(i)] += weights[i];
  double sum = 0;
  int bin = 0;
  while (bin < kBins - 1 && sum + bins[bin] < mass) sum += bins[bin++];
  std::vector<std::pair<float, float>> inside;
  for (int i = 0; i < count; ++i) {
    if (bin_of(i) == bin) inside.emplace_back(keys[i], weights[i]);
  }
  std::sort(inside.begin(), inside.end());
  for (const auto& [key, weight] : inside) {
    sum += weight;
    if (sum >= mass) return key;
  }
  return inside.empty() ? last : inside.back().first;
}

}  // namespace

double Weights::weigh(const float* x, int count, float shift, float scale, Isa isa) {
  each.resize(count);
  ends.clear();
  double sum = 0;
  for (int i = 0; i < count; i += kBlock) {
    sum += kernel_table(isa).weigh(x + i, std::min(kBlock, count - i), shift, scale, &each[i]);
    ends.push_back(sum);
  }
  return sum;
}

double Weights::sum_above(float least, Isa isa) const {
  const int count = static_cast<int>(each.size());
  double sum = 0;
  for (int i = 0; i < count; i += kBlock) {
    sum += kernel_table(isa).sum_above(&each[i], std::min(kBlock, count - i), least);
  }
  return sum;
}

int Weights::find(float share) const {
  const double target = ends.back() * share;
  const auto end = std::upper_bound(ends.begin(), ends.end() - 1, target);
  const int block = static_cast<int>(end - ends.begin());
  const int first = block * kBlock;
  const int last = std::min(first + kBlock, static_cast<int>(each.size()));
  double sum = block == 0 ? 0 : ends[block - 1];
  int found = first;  // the last one of any weight, where rounding leaves the target beyond it
  for (int i = first; i < last; ++i) {
    if (each[i] == 0) continue;
    found = i;
    sum += each[i];
    if (sum > target) break;
  }
  return found;
}

void Candidates::gather(const float* logits, int vocab, float floor) {
  if (static_cast<int>(ids_.size()) < vocab) {
    ids_.resize(vocab);
    logits_.resize(vocab);
    keys_.resize(vocab);
  }
  size_ = 0;
  for (int first = 0; first < vocab; first += kChunk) {
    const int count = std::min(kChunk, vocab - first);
    if (!any_reaches(logits + first, count, floor)) continue;
    for (int i = first; i < first + count; ++i) {  // without a branch, which would be mispredicted
      ids_[size_] = i;
      logits_[size_] = logits[i];
      size_ += logits[i] >= floor;
    }
  }
}

void Candidates::keep_mass(double mass, float shift, Isa isa) {
  weights_.weigh(logits(), size_, shift, 1, isa);
  for (int i = 0; i < size_; ++i) keys_[i] = shift - logits_[i];
  keep_keys(key_at_mass(keys_.data(), weights_.each.data(), size_, mass));
}

void Candidates::keep_typical(float typical_p, Isa isa) {
  const float best = logits_[arg_max(logits(), size_, isa)];
  const double total = weights_.weigh(logits(), size_, best, 1, isa);
  // With p = weight / total, the surprise -ln p is (best - logit) + ln total.
  double expected = 0;
  for (int i = 0; i < size_; ++i) expected += (best - logits_[i]) * (weights_.each[i] / total);
  for (int i = 0; i < size_; ++i) {
    keys_[i] = static_cast<float>(std::abs(best - logits_[i] - expected));
  }
  keep_keys(key_at_mass(keys_.data(), weights_.each.data(), size_, typical_p * total));
}

void Candidates::exclude_top(float threshold, Isa isa) {
  const float best = logits_[arg_max(logits(), size_, isa)];
  const double top = threshold * weights_.weigh(logits(), size_, best, 1, isa);
  float least = std::numeric_limits<float>::infinity();
  for (int i = 0; i < size_; ++i) {
    if (weights_.each[i] >= top) least = std::min(least, logits_[i]);
  }
  std::copy_n(logits_.begin(), size_, keys_.begin());
  keep_keys(least);
}

void Candidates::keep_keys(float limit) {
  int kept = 0;
  for (int i = 0; i < size_; ++i) {
    ids_[kept] = ids_[i];
    logits_[kept] = logits_[i];
    kept += keys_[i] <= limit;
  }
  size_ = kept;
}

}  // namespace mlxd::kernels::cpu
