// The engine thread: loads the model, then schedules, runs and publishes step after step until it
// is stopped.
#pragma once

#include <string>

#include "engine/core/mailbox.h"
#include "engine/core/scheduler.h"
#include "engine/core/status.h"
#include "engine/engine.h"
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
  Loop(const Model& model, const SchedulerLimits& limits, Mailbox& mailbox, Status& status);

  /// Runs until the mailbox is stopped.
  void serve();

  /// Ends all requests: as cancelled, or as failed when there is a failure.
  void end(const std::optional<Failure>& failure);

 private:
  bool receive();
  void publish();

  void handle(Command command);
  InFlight start(const Plan& plan);
  void finish(InFlight step);
  void take_token(Sequence& sequence, const Sampled& sampled);
  void close_sequence(RequestId id, Finish reason);
  void fail(const Plan& concerned, const std::string& reason);
  void retry_alone(const Plan& concerned);
  void probe();

  Mailbox& mailbox_;
  Status& status_;
  Scheduler scheduler_;
  Runner runner_;
  InFlight in_flight_;
  Status::Clock::time_point last_finished_{};
  EventBatch events_;
};

}  // namespace mlxd
