// How often a sequence has each token: what penalties need. Counted token by token. Engine thread
// only.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "engine/core/sampling_params.h"

namespace mlxd {

class TokenHistory {
 public:
  /// Of a sequence with this prompt and no completion yet; `window` as repetition_window.
  TokenHistory(const std::vector<Token>& prompt, int window);

  /// A token of the completion.
  void add(Token token);

  /// All tokens that count. With `one_more` another token is about to come that is not known here
  /// yet: the window has room for it.
  std::vector<SeenToken> seen(bool one_more) const;

 private:
  SeenToken& entry_of(Token token);
  void enter_window(Token token);

  size_t window_;             // 0: all
  std::deque<Token> recent_;  // of a finite window, oldest first
  std::vector<SeenToken> all_;
  std::unordered_map<Token, size_t> places_;  // in all_
};

}  // namespace mlxd
