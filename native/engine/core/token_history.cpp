#include "engine/core/token_history.h"

namespace mlxd {

TokenHistory::TokenHistory(const std::vector<Token>& prompt, int window)
    : window_(static_cast<size_t>(window)) {
  for (Token token : prompt) enter_window(token);
}

void TokenHistory::add(Token token) {
  ++entry_of(token).generated;
  enter_window(token);
}

std::vector<SeenToken> TokenHistory::seen(bool one_more) const {
  std::vector<SeenToken> seen = all_;
  if (one_more && window_ > 0 && recent_.size() == window_) {
    --seen[places_.at(recent_.front())].recent;
  }
  return seen;
}

SeenToken& TokenHistory::entry_of(Token token) {
  const auto [found, is_new] = places_.try_emplace(token, all_.size());
  if (is_new) all_.push_back({token, 0, 0});
  return all_[found->second];
}

void TokenHistory::enter_window(Token token) {
  ++entry_of(token).recent;
  if (window_ == 0) return;
  recent_.push_back(token);
  if (recent_.size() <= window_) return;
  --entry_of(recent_.front()).recent;
  recent_.pop_front();
}

}  // namespace mlxd
