// See conv_cache.h.
#include "cache/conv_cache.h"

#include <algorithm>
#include <stdexcept>

namespace mlxd {

namespace {

// A step that was read, the one in flight, and the one that is being built.
constexpr size_t kSteps = 3;

}  // namespace

ConvCache::ConvCache(int taps, int channels, mx::Dtype type)
    : taps_(taps), channels_(channels), type_(type) {}

mx::array ConvCache::append(const mx::array& inputs) {
  const mx::array tail =
      steps_.empty() ? mx::zeros({taps_ - 1, channels_}, type_) : before(steps_.back(), length_);
  steps_.push_back({length_, mx::concatenate({tail, inputs}, 0)});
  if (steps_.size() > kSteps) steps_.pop_front();
  length_ += inputs.shape(0);
  return steps_.back().inputs;
}

std::vector<mx::array> ConvCache::state() const {
  if (steps_.empty()) return {};
  return {steps_.back().inputs};
}

const ConvCache::Step* ConvCache::step_of(int positions) const {
  if (positions > length_) return nullptr;
  const auto after = std::ranges::find_if(
      steps_.rbegin(), steps_.rend(), [&](const Step& step) { return step.begin <= positions; });
  return after == steps_.rend() ? nullptr : &*after;
}

mx::array ConvCache::before(const Step& step, int positions) const {
  const int first = positions - step.begin;
  return mx::slice(step.inputs, {first, 0}, {first + taps_ - 1, channels_});
}

bool ConvCache::has_prefix(int positions) const {
  return positions == 0 || (positions > 0 && step_of(positions) != nullptr);
}

std::unique_ptr<LayerCache> ConvCache::prefix(int positions) const {
  if (!has_prefix(positions)) throw std::invalid_argument("The cache does not hold that prefix.");
  auto prefix = std::make_unique<ConvCache>(taps_, channels_, type_);
  if (positions == 0) return prefix;
  const mx::array tail = mx::contiguous(before(*step_of(positions), positions));
  mx::async_eval({tail});  // so that the whole step can be freed
  prefix->steps_.push_back({positions, tail});
  prefix->length_ = positions;
  return prefix;
}

size_t ConvCache::bytes() const {
  size_t total = 0;
  for (const Step& step : steps_) total += step.inputs.nbytes();
  return total;
}

size_t ConvCache::bytes_beyond(const LayerCache& other) const {
  const auto& theirs = static_cast<const ConvCache&>(other).steps_;
  size_t own = 0;
  for (const Step& step : steps_) {
    const auto same = [&](const Step& their) { return their.inputs.id() == step.inputs.id(); };
    if (std::ranges::none_of(theirs, same)) own += step.inputs.nbytes();
  }
  return own;
}

size_t ConvCache::bytes_for(int positions) const {
  return std::min<size_t>(kSteps, positions) * taps_ * channels_ * mx::size_of(type_);
}

}  // namespace mlxd
