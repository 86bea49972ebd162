// The engine thread: loads the model, then schedules, runs and publishes step after step until it
// is stopped.
#pragma once

#include <functional>
#include <string>

#include "engine/core/mailbox.h"
#include "engine/core/scheduler.h"
#include "engine/core/status.h"
#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/runner.h"

namespace mlxd {

/// The body of the engine thread. Returns once the mailbox is stopped or the load has failed; does
/// not throw.
void run_engine(const EngineOptions& options, const Loader& loader, Mailbox& mailbox,
                Status& status);

/// Serves requests with one loaded model. Every request gets its last event, at the latest from
/// `end`.
class Loop {
 public:
  Loop(const Model& model, const SchedulerLimits& limits, const MemoryLimits& memory,
       Mailbox& mailbox, Status& status);

  /// Runs until the mailbox is stopped.
  void serve();

  /// Ends all requests: as cancelled, or as failed when there is a failure.
  void end(const std::optional<Failure>& failure);

 private:
  bool receive();
  void publish();

  void handle(Command command);
  Start may_start(Sequence& sequence);
  bool is_being_computed(const Sequence& sequence, int cached) const;
  void make_room();
  size_t growth(int ahead) const;
  InFlight start(const Plan& plan);
  void finish(InFlight step);
  void settle(const Plan::Row& row);
  void keep(Sequence& sequence, int positions);
  void beside_step(const std::function<void()>& work);
  void report(const PromptScores& scores);
  void take_token(Sequence& sequence, const Sampled& sampled);
  void take_forced();
  void close_sequence(Sequence& sequence, Finish reason);
  void fail_with_in_flight(Plan concerned, const std::string& reason);
  void fail(const Plan& concerned, const std::string& reason);
  void end_failed(const Sequence& sequence, Failure failure);
  void retry_alone(const Plan& concerned, bool starved);
  void probe();

  Mailbox& mailbox_;
  Status& status_;
  Memory memory_;
  PrefixStats reuse_;
  Scheduler scheduler_;
  Runner runner_;  // after memory_: it holds leases on prefixes
  InFlight in_flight_;
  bool rested_ = false;  // nothing has come since free memory was given back
  Status::Clock::time_point last_finished_{};
  EventBatch events_;
};

}  // namespace mlxd
