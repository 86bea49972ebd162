// Decides what the next step computes, from tokens, lengths and budgets; sees no tensors. Engine
// thread only.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "engine/core/chunk_size.h"
#include "engine/core/plan.h"

namespace mlxd {

struct SchedulerLimits {
  int context_length;      // positions of one sequence, prompt and completion together
  int vocab_size;          // prompt tokens are below it
  int max_sequences = 32;  // started and not ended: prefilled or decoding together
  int prefill_chunk = 512;
  int max_queue = 128;  // requests that wait to be started; more are refused
};

enum class Start : uint8_t {
  now,
  later,        // younger ones may go first
  nothing_now,  // nor may younger ones
};

/// Asked before a sequence starts, oldest first. What is computed of it already is set here.
using MayStart = std::function<Start(Sequence&)>;

/// Several requests are all served. The rules:
///
/// 1. Decode first: every sequence that decodes is in every step, with all its tokens that are not
///    computed: one, or more where a grammar forced some.
/// 2. What is left of the step's tokens, ChunkSize's, goes to prompts. The oldest gets at least as
///    much as all others together, and those go shortest first. But those that fit a step whole, as
///    the oldest does not, have one for themselves, not twice in a row: so a short request does not
///    wait behind a long one, and none starves. Alone, a prompt gets more a step, from the second
///    step on after company.
/// 3. Requests are started in the order they came, interactive ones before those of a batch, whose
///    prompts wait for theirs.
/// 4. Sequences of a failed step start again, one at a time: so the one at fault is found.
///
/// Plans are made one step ahead: a sequence counts as advanced once it is planned, and `accept`
/// takes what it sampled.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits, MayStart may_start = {})
      : limits_(limits), may_start_(std::move(may_start)), chunk_(limits.prefill_chunk) {}

  /// Queues a request; or says why it cannot be served.
  std::optional<Failure> add(Request request);

  /// The next step; idle when there is nothing to compute before a step in flight is read.
  Plan next();

  /// `plan` took so long.
  void observe(const Plan& plan, double seconds);

  struct Accepted {
    bool report = false;           // the token is part of the completion
    std::optional<Finish> finish;  // the sequence has ended
  };
  /// Takes a token that was read for `sequence`, of a row that is not void, or one that is forced.
  Accepted accept(Sequence& sequence, Token token);

  /// Puts a started sequence back in the queue, at its old place. It will compute all its tokens
  /// again, and go on as if nothing had been.
  void preempt(const SequencePtr& sequence);

  /// preempt(), and one step of its own before it runs with others again.
  void isolate(const SequencePtr& sequence);

  /// Ends a live sequence; null if there is none of this id (it may have ended just before).
  SequencePtr remove(RequestId id);

  /// Ends all sequences and returns them, oldest first.
  std::vector<SequencePtr> remove_all();

  /// Those that are prefilled or decode, in the order they started.
  const std::vector<SequencePtr>& started() const { return started_; }

  /// Whether a started sequence has not got through its prompt.
  bool has_prompts() const { return running() < static_cast<int>(started_.size()); }

  /// Requests that have not got through their prompt.
  int waiting() const { return static_cast<int>(waiting_.size() + started_.size()) - running(); }
  /// Sequences that decode.
  int running() const;

 private:
  std::optional<Failure> check(const Request& request) const;
  void enqueue(SequencePtr sequence);
  void start_waiting();
  void plan_decode(Plan& plan);
  void plan_prompts(Plan& plan);
  void plan_whole(Plan& plan, const std::vector<SequencePtr>& prompts, int budget);
  void plan_shared(Plan& plan, const std::vector<SequencePtr>& prompts, int budget);
  std::vector<SequencePtr> prompts_in_order() const;

  SchedulerLimits limits_;
  MayStart may_start_;
  ChunkSize chunk_;
  uint64_t arrivals_ = 0;
  bool held_back_ = false;            // the last prompts were planned without the oldest
  bool had_company_ = false;          // others were in the last step: they may ask again at once
  std::deque<SequencePtr> waiting_;   // in order of rule 3
  std::vector<SequencePtr> started_;  // in the order they started
};

}  // namespace mlxd
