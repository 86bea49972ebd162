// The loop of the engine thread, and what ends a request.
#include "engine/loop.h"

#include <exception>
#include <utility>

#include "kernels/settings.h"

namespace mlxd {
namespace {

// An idle engine still goes through its loop this often: its heartbeat shows that the thread is
// alive.
constexpr std::chrono::milliseconds kIdleHeartbeat{1000};

/// The one catch for what MLX or a model throws in a step: its message, nothing if all went well.
template <typename Work>
std::optional<std::string> thrown_by(const Work& work) {
  try {
    work();
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

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
  status_.active_memory_bytes = mx::get_active_memory() + kernels::packed_bytes();
  status_.peak_memory_bytes = mx::get_peak_memory() + kernels::packed_bytes();
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
  InFlight next;
  if (auto reason = thrown_by([&] { next = runner_.build(plan, in_flight_); })) {
    fail(plan, *reason);
    return {};
  }
  if (auto reason = thrown_by([&] { runner_.launch(next); })) {
    // MLX may have thrown here what went wrong in the step in flight: that cannot be trusted
    // either.
    fail(plan, *reason);
    fail(std::exchange(in_flight_, {}).plan, *reason);
    runner_.settle();
    return {};
  }
  return next;
}

void Loop::finish(InFlight step) {
  if (step.idle()) return;
  std::vector<Sampled> sampled;
  if (auto reason = thrown_by([&] { sampled = runner_.collect(step); })) {
    fail(step.plan, *reason);
    return;
  }
  for (const Plan::Row& row : step.plan.rows) {
    if (row.of_prompt()) status_.prompt_tokens += row.length;
  }
  for (size_t i = 0; i < sampled.size(); ++i) {
    Sequence& sequence = *step.plan.rows[i].sequence;
    if (!sequence.done()) take_token(sequence, sampled[i]);
  }
}

void Loop::take_token(Sequence& sequence, const Sampled& sampled) {
  const Scheduler::Accepted accepted = scheduler_.accept(sequence, sampled.token);
  if (accepted.report) {
    events_.add_sampled(sequence.id(), sampled);
    ++status_.generated_tokens;
  }
  if (accepted.finish) close_sequence(sequence.id(), *accepted.finish);
}

void Loop::close_sequence(RequestId id, Finish reason) {
  runner_.release(id);
  events_.add(id, EventKind::finished, static_cast<int32_t>(reason));
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
  runner_.settle();
  in_flight_ = {};
  publish();
}

}  // namespace mlxd
