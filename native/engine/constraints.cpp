#include "engine/constraints.h"

namespace mlxd {
namespace {

// Tokens that a reply is forced to are computed together, so many in a step: others wait for it.
constexpr size_t kForcedAtOnce = 32;

/// Tokens that are not sampled have no log-probabilities, and would come before those of the
/// prompt.
bool may_force(const Sequence& sequence) {
  return !sequence.request.sampling.logprobs && !sequence.scores_prompt();
}

}  // namespace

void Constraints::begin(const Sequence& sequence) {
  const auto& grammar = sequence.request.grammar;
  if (grammar) live_.insert_or_assign(sequence.id(), Live{grammar->begin(), 0});
}

/// Takes the tokens before `position`. Throws GrammarError.
void Constraints::advance(Live& live, const Sequence& sequence, int position,
                          std::optional<Token> last) {
  const int start = sequence.prompt_size() - sequence.request.replied;
  for (; live.taken < position - start; ++live.taken) {
    const int at = start + live.taken;
    const Token token = sequence.knows(at) ? sequence.token(at) : last.value();
    if (live.constraint->accept(token)) continue;
    throw GrammarError("token " + std::to_string(token) + " does not fit the grammar");
  }
}

NextTokens Constraints::next(const Sequence& sequence, int position, std::optional<Token> last) {
  Live& live = live_.at(sequence.id());
  auto words = std::make_shared<TokenMask>(sequence.request.grammar->mask_words());
  NextTokens next;
  try {
    advance(live, sequence, position, last);
    if (may_force(sequence)) next.forced = live.constraint->forced(kForcedAtOnce);
    live.constraint->mask(*words);
  } catch (const GrammarError& error) {
    return {{}, {}, error.what()};
  }
  next.allowed = std::move(words);
  return next;
}

}  // namespace mlxd
