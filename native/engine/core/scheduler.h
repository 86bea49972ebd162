// Decides what the next step computes, from tokens, lengths and budgets; sees no tensors. Engine
// thread only.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "engine/core/sequence.h"

namespace mlxd {

struct SchedulerLimits {
  int context_length;      // positions of one sequence, prompt and completion together
  int vocab_size;          // prompt tokens are below it
  int max_sequences = 16;  // that decode together
  int prefill_chunk = 512;
};

/// What one step computes: a chunk of one prompt, or the next token of every running sequence.
struct Plan {
  /// `length` inputs of one sequence, at positions `offset` .. `offset + length - 1`.
  struct Row {
    SequencePtr sequence;
    int offset;
    int length;

    bool of_prompt() const { return offset < sequence->prompt_size(); }
  };
  std::vector<Row> rows;
  bool samples = false;  // false for a chunk with more of its prompt to come

  bool idle() const { return rows.empty(); }
};

/// Several requests are all served: running sequences decode together, the oldest waiting prompt is
/// prefilled in chunks, and while there is work of both kinds the two alternate, so that neither
/// starves the other.
///
/// Plans are made one step ahead: a sequence counts as advanced once it is planned, and `accept`
/// takes what it sampled.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits) : limits_(limits) {}

  /// Queues a request; or says why it cannot be served.
  std::optional<Failure> add(Request request);

  /// The next step; idle when there is nothing to compute before a step in flight is read.
  Plan next();

  struct Accepted {
    bool report = false;           // the token is part of the completion
    std::optional<Finish> finish;  // the sequence has ended
  };
  /// Takes a token that was read for `sequence`, which is not done.
  Accepted accept(Sequence& sequence, Token token);

  /// Ends a live sequence; null if there is none of this id (it may have ended just before).
  SequencePtr remove(RequestId id);

  /// Ends all sequences and returns them, oldest first.
  std::vector<SequencePtr> remove_all();

  int waiting() const { return static_cast<int>(waiting_.size()); }
  int running() const { return static_cast<int>(running_.size()); }

 private:
  std::optional<Failure> check(const Request& request) const;
  Plan plan_chunk();
  Plan plan_decode();

  SchedulerLimits limits_;
  std::deque<SequencePtr> waiting_;   // the front may be in prefill
  std::vector<SequencePtr> running_;  // oldest first
  bool prefilled_last_ = false;
};

}  // namespace mlxd
