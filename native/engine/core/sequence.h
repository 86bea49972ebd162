// One request as the engine follows it: its prompt and how far it has come. No tensors. Engine
// thread only.
#pragma once

#include <memory>

#include "engine/core/types.h"

namespace mlxd {

struct Sequence {
  enum class State : uint8_t { waiting, prefill, decode, done };

  Request request;  // max_tokens already clipped to the context
  State state = State::waiting;
  int computed = 0;   // positions whose keys and values are computed or in flight
  int planned = 0;    // tokens sampled, those in flight included
  int generated = 0;  // tokens read and reported
  Token last = 0;     // the last token read; it is the next input unless that is in flight

  RequestId id() const { return request.id; }
  int prompt_size() const { return static_cast<int>(request.tokens.size()); }
  bool done() const { return state == State::done; }
};

/// Shared with the steps in flight, which may outlive the sequence's place in the scheduler.
using SequencePtr = std::shared_ptr<Sequence>;

}  // namespace mlxd
