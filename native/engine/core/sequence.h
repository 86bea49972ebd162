// One request as the engine follows it: its tokens and how far they have come. No tensors. Engine
// thread only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/core/token_history.h"
#include "engine/core/types.h"

namespace mlxd {

/// Prompt and completion are one row of tokens: those beyond `computed` are computed next, and the
/// step that computes the last of them samples one more. So prefill, decode and the recomputing
/// after a preemption differ in nothing but how many are left.
struct Sequence {
  enum class State : uint8_t { waiting, prefill, decode, done };

  Request request;  // max_tokens already clipped to the context
  uint64_t arrival = 0;
  State state = State::waiting;
  std::vector<Token> generated;  // tokens read and reported
  int planned = 0;               // tokens sampled, those in flight included
  int computed = 0;              // positions whose keys and values are computed or in flight
  int settled = 0;               // of these, read: their step has not failed
  int kept = 0;                  // of these, in the prefix cache
  int scored = 0;                // whose log-probabilities of the next prompt token are reported
  int attempt = 0;               // counts preemptions: what was planned in earlier ones is void
  bool starved = false;          // a step with it failed for want of memory
  bool suspect = false;          // a step with it and others failed: it must pass one alone
  std::optional<TokenHistory> history;  // of tokens read, if the request asks for penalties

  RequestId id() const { return request.id; }
  int prompt_size() const { return static_cast<int>(request.tokens.size()); }
  /// Tokens, read or in flight, that are not computed yet.
  int left() const { return prompt_size() + planned - computed; }
  bool done() const { return state == State::done; }
  bool scores_prompt() const { return request.prompt_logprobs.has_value(); }

  /// Whether the token at this position has been read; otherwise it is in flight.
  bool knows(int position) const {
    return position < prompt_size() + static_cast<int>(generated.size());
  }
  Token token(int position) const {
    const int size = prompt_size();
    return position < size ? request.tokens[position] : generated[position - size];
  }
  /// All tokens read so far.
  std::vector<Token> tokens() const {
    std::vector<Token> all = request.tokens;
    all.insert(all.end(), generated.begin(), generated.end());
    return all;
  }
};

/// Shared with the steps in flight, which may outlive the sequence's place in the scheduler.
using SequencePtr = std::shared_ptr<Sequence>;

}  // namespace mlxd
