#include "engine/constraints.h"

namespace mlxd {

void Constraints::begin(const Sequence& sequence) {
  const auto& grammar = sequence.request.grammar;
  if (grammar) live_.insert_or_assign(sequence.id(), Live{grammar->begin(), 0});
}

NextTokens Constraints::next(const Sequence& sequence, int position, std::optional<Token> last) {
  Live& live = live_.at(sequence.id());
  const int start = sequence.prompt_size() - sequence.request.replied;
  for (; live.taken < position - start; ++live.taken) {
    const int at = start + live.taken;
    const Token token = sequence.knows(at) ? sequence.token(at) : last.value();
    if (!live.constraint->accept(token)) {
      return {nullptr, "token " + std::to_string(token) + " does not fit the grammar"};
    }
  }
  auto words = std::make_shared<TokenMask>(sequence.request.grammar->mask_words());
  try {
    live.constraint->mask(*words);
  } catch (const GrammarError& error) {
    return {nullptr, error.what()};
  }
  return {std::move(words), std::nullopt};
}

}  // namespace mlxd
