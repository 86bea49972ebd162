// The loop of the engine thread, and what ends a request.
#include "engine/loop.h"

#include <exception>
#include <utility>

namespace mlxd {

// An idle engine still goes through its loop this often: its heartbeat shows that the thread is
// alive.
constexpr std::chrono::milliseconds kIdleHeartbeat{1000};

Loop::Loop(const Model& model, const SchedulerLimits& limits, Mailbox& mailbox, Status& status)
    : mailbox_(mailbox), status_(status), scheduler_(limits), runner_(model) {}

void Loop::serve() {
  while (receive()) {
    step();
    publish();
  }
}

/// Takes the commands that came in; waits for one if there is nothing else to do. False once
/// stopped.
bool Loop::receive() {
  const bool idle = in_flight_.idle() && scheduler_.waiting() + scheduler_.running() == 0;
  for (Command& command : mailbox_.take(idle ? kIdleHeartbeat : std::chrono::milliseconds(0))) {
    handle(std::move(command));
  }
  status_.beat();
  return !mailbox_.stopping();
}

/// Submits the next step before it reads the one before: the device has work while tokens travel.
void Loop::step() {
  // A chunk is waited for first: the cache arrays it waits on must not be held while the next step
  // appends in place.
  if (!in_flight_.samples()) finish(std::exchange(in_flight_, {}));
  InFlight next = start(scheduler_.next());
  finish(std::exchange(in_flight_, std::move(next)));
}

void Loop::publish() {
  status_.waiting = scheduler_.waiting();
  status_.running = scheduler_.running();
  status_.active_memory_bytes = mx::get_active_memory();
  status_.peak_memory_bytes = mx::get_peak_memory();
  mailbox_.publish(std::exchange(events_, {}));
}

void Loop::handle(Command command) {
  if (const auto* cancel = std::get_if<Cancel>(&command)) {
    if (scheduler_.remove(cancel->id)) close_sequence(cancel->id, Finish::cancelled);
    return;
  }
  auto& request = std::get<Request>(command);
  const RequestId id = request.id;
  if (auto failure = scheduler_.add(std::move(request))) {
    events_.add_failure(id, EventKind::failed, std::move(*failure));
  }
}

InFlight Loop::start(const Plan& plan) {
  InFlight started;
  attempt(plan, [&] { started = runner_.submit(plan, in_flight_); });
  return started;
}

void Loop::finish(InFlight step) {
  if (step.idle()) return;
  attempt(step.plan, [&] {
    const std::vector<Token> tokens = runner_.collect(step);
    for (const Plan::Row& row : step.plan.rows) {
      if (row.of_prompt()) status_.prompt_tokens += row.length;
    }
    for (size_t i = 0; i < tokens.size(); ++i) {
      Sequence& sequence = *step.plan.rows[i].sequence;
      if (!sequence.done()) take_token(sequence, tokens[i]);
    }
  });
}

void Loop::take_token(Sequence& sequence, Token token) {
  const Scheduler::Accepted accepted = scheduler_.accept(sequence, token);
  if (accepted.report) {
    events_.add(sequence.id(), EventKind::token, token);
    ++status_.generated_tokens;
  }
  if (accepted.finish) close_sequence(sequence.id(), *accepted.finish);
}

void Loop::close_sequence(RequestId id, Finish reason) {
  runner_.release(id);
  events_.add(id, EventKind::finished, static_cast<int32_t>(reason));
}

/// The one place where an exception of MLX (or of a model) turns into events.
template <typename Work>
void Loop::attempt(const Plan& concerned, const Work& work) {
  try {
    work();
  } catch (const std::exception& error) {
    runner_.settle_after_error();
    fail(concerned, error.what());
  }
}

void Loop::fail(const Plan& concerned, const std::string& reason) {
  for (const Plan::Row& row : concerned.rows) {
    const RequestId id = row.sequence->id();
    if (row.sequence->done()) continue;
    scheduler_.remove(id);
    runner_.release(id);
    events_.add_failure(id, EventKind::failed, {"generation_failed", reason});
  }
}

void Loop::end(const std::optional<Failure>& failure) {
  mailbox_.stop();
  for (Command& command : mailbox_.take(std::chrono::milliseconds(0))) handle(std::move(command));
  for (const SequencePtr& sequence : scheduler_.remove_all()) {
    if (failure) {
      runner_.release(sequence->id());
      events_.add_failure(sequence->id(), EventKind::failed, *failure);
    } else {
      close_sequence(sequence->id(), Finish::cancelled);
    }
  }
  runner_.settle_after_error();
  in_flight_ = {};
  publish();
}

}  // namespace mlxd
