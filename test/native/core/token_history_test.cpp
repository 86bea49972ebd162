// Token counts, against counting from scratch.
#include "engine/core/token_history.h"

#include <algorithm>
#include <random>

#include "doctest/doctest.h"

using namespace mlxd;

namespace {

/// The counts after `prompt` and `completion`, the last of which may not be known yet.
void check(const TokenHistory& history, const std::vector<Token>& prompt,
           const std::vector<Token>& completion, size_t window, bool one_more) {
  auto all = prompt;
  all.insert(all.end(), completion.begin(), completion.end());
  const size_t kept = window == 0 ? all.size() : window - (one_more ? 1 : 0);
  const auto from = all.end() - static_cast<ptrdiff_t>(std::min(kept, all.size()));
  for (const SeenToken& seen : history.seen(one_more)) {
    CHECK(seen.recent == std::count(from, all.end(), seen.token));
    CHECK(seen.generated == std::count(completion.begin(), completion.end(), seen.token));
  }
  for (Token token : all) {
    const auto seen = history.seen(one_more);
    CHECK(std::any_of(seen.begin(), seen.end(), [&](const auto& s) { return s.token == token; }));
  }
}

}  // namespace

TEST_CASE("tokens are counted in the window and in the completion") {
  std::mt19937 random(1);
  for (size_t window : {0, 1, 3, 8, 100}) {
    std::vector<Token> prompt, completion;
    for (int i = 0; i < 10; ++i) prompt.push_back(static_cast<Token>(random() % 5));
    TokenHistory history(prompt, static_cast<int>(window));
    for (int i = 0; i < 20; ++i) {
      CAPTURE(window);
      check(history, prompt, completion, window, false);
      check(history, prompt, completion, window, true);
      completion.push_back(static_cast<Token>(random() % 7));
      history.add(completion.back());
    }
  }
}
