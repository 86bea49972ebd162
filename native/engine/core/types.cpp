// EventBatch: appending rows to its columns. Any thread.
#include "engine/core/types.h"

#include <iterator>
#include <utility>

namespace mlxd {

void EventBatch::add(RequestId id, EventKind kind, int32_t value) {
  ids.push_back(id);
  kinds.push_back(static_cast<uint8_t>(kind));
  values.push_back(value);
}

void EventBatch::add_sampled(RequestId id, const Sampled& sampled) {
  if (sampled.scores.empty()) return add(id, EventKind::token, sampled.token);
  add_scored(id, EventKind::scored_token, sampled.scores);
}

void EventBatch::add_scored(RequestId id, EventKind kind, const std::vector<ScoredToken>& entries) {
  add(id, kind, static_cast<int32_t>(entries.size()));
  scores.insert(scores.end(), entries.begin(), entries.end());
}

void EventBatch::add_failure(RequestId id, EventKind kind, Failure failure) {
  add(id, kind, static_cast<int32_t>(failures.size()));
  failures.push_back(std::move(failure));
}

void EventBatch::append(EventBatch&& other) {
  const auto shift = static_cast<int32_t>(failures.size());
  for (size_t i = 0; i < other.size(); ++i) {
    const auto kind = static_cast<EventKind>(other.kinds[i]);
    const bool fails = kind == EventKind::failed || kind == EventKind::load_failed;
    add(other.ids[i], kind, other.values[i] + (fails ? shift : 0));
  }
  std::move(other.failures.begin(), other.failures.end(), std::back_inserter(failures));
  scores.insert(scores.end(), other.scores.begin(), other.scores.end());
}

}  // namespace mlxd
