// See state_cache.h.
#include "cache/state_cache.h"

#include <algorithm>
#include <stdexcept>

namespace mlxd {

namespace {

// A step that was read, the one in flight, and the one that is being built.
constexpr int kSteps = 3;

}  // namespace

std::optional<mx::array> StateCache::last() const {
  if (kept_.empty()) return std::nullopt;
  return kept_.back().state;
}

void StateCache::advance(int count, const kernels::RecurrentStates& states) {
  length_ += count;
  ++steps_;
  if (states.before_last) kept_.push_back({steps_, length_ - 1, *states.before_last});
  kept_.push_back({steps_, length_, states.last});
  while (kept_.front().step <= steps_ - kSteps) kept_.pop_front();
}

std::vector<mx::array> StateCache::state() const {
  if (kept_.empty()) return {};
  return {kept_.back().state};
}

const StateCache::Kept* StateCache::find(int positions) const {
  const auto found = std::ranges::find(kept_, positions, &Kept::positions);
  return found == kept_.end() ? nullptr : &*found;
}

bool StateCache::has_prefix(int positions) const {
  return positions == 0 || find(positions) != nullptr;
}

std::unique_ptr<LayerCache> StateCache::prefix(int positions) const {
  if (!has_prefix(positions)) throw std::invalid_argument("The cache does not hold that prefix.");
  auto prefix = std::make_unique<StateCache>(state_bytes_);
  if (positions == 0) return prefix;
  prefix->kept_.push_back({0, positions, find(positions)->state});
  prefix->length_ = positions;
  return prefix;
}

size_t StateCache::bytes_beyond(const LayerCache& other) const {
  const auto& theirs = static_cast<const StateCache&>(other).kept_;
  const auto own = std::ranges::count_if(kept_, [&](const Kept& kept) {
    return std::ranges::none_of(
        theirs, [&](const Kept& their) { return their.state.id() == kept.state.id(); });
  });
  return static_cast<size_t>(own) * state_bytes_;
}

size_t StateCache::bytes_for(int positions) const {
  return static_cast<size_t>(std::min(kSteps, positions)) * state_bytes_;
}

}  // namespace mlxd
