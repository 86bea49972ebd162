// The loop of the engine thread, and what ends a request.
#include "engine/loop.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
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
  for (;;) {
    // A step with more of a prompt to come is waited for: the cache arrays that it writes must not
    // be held while the next one appends in place, and who has come meanwhile joins at once.
    if (in_flight_.plan.has_partial_prompt()) {
      finish(std::exchange(in_flight_, {}));
      publish();
    }
    if (!receive()) return;
    // Otherwise the next step is submitted before this one is read: the device has work while
    // tokens travel.
    InFlight next = start(scheduler_.next());
    finish(std::exchange(in_flight_, std::move(next)));
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

void Loop::publish() {
  status_.waiting = scheduler_.waiting();
  status_.running = scheduler_.running();
  const size_t ours = kernels::packed_bytes() + kernels::kv_bytes();
  status_.active_memory_bytes = mx::get_active_memory() + ours;
  status_.peak_memory_bytes =
      std::max<size_t>(status_.peak_memory_bytes, mx::get_peak_memory() + ours);
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
  // Before the launch, which on a CPU waits for most of the step.
  const auto started = Status::Clock::now();
  InFlight next;
  if (auto reason = thrown_by([&] { next = runner_.build(plan, in_flight_); })) {
    fail(plan, *reason);
    return {};
  }
  if (auto reason = thrown_by([&] { runner_.launch(next); })) {
    // MLX may have thrown here what went wrong in the step in flight: that cannot be trusted
    // either.
    runner_.settle();
    Plan both = plan;
    const auto& before = in_flight_.plan.rows;
    both.rows.insert(both.rows.end(), before.begin(), before.end());
    in_flight_ = {};
    fail(both, *reason);
    return {};
  }
  next.started = started;
  return next;
}

void Loop::finish(InFlight step) {
  if (step.idle()) return;
  std::vector<Sampled> sampled;
  if (auto reason = thrown_by([&] { sampled = runner_.collect(step); })) {
    fail(step.plan, *reason);
    return;
  }
  const auto now = Status::Clock::now();
  const auto since = std::max(step.started, std::exchange(last_finished_, now));
  scheduler_.observe(step.plan, std::chrono::duration<double>(now - since).count());
  status_.prompt_tokens += step.plan.prompt_tokens;
  for (size_t i = 0; i < sampled.size(); ++i) {
    const Plan::Row& row = step.plan.rows[i];
    if (!row.is_void()) take_token(*row.sequence, sampled[i]);
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

/// A step threw. One sequence alone is at fault; of several, each has to show that it is not.
void Loop::fail(const Plan& concerned, const std::string& reason) {
  status_.failed(reason);
  if (!concerned.of_one()) return retry_alone(concerned);
  const Plan::Row& row = concerned.rows.front();
  if (!row.is_void()) {
    const RequestId id = row.sequence->id();
    scheduler_.remove(id);
    runner_.release(id);
    events_.add_failure(id, EventKind::failed, {"generation_failed", reason});
  }
  probe();
}

void Loop::retry_alone(const Plan& concerned) {
  for (const Plan::Row& row : concerned.rows) {
    if (row.is_void()) continue;
    runner_.release(row.sequence->id());
    scheduler_.isolate(row.sequence);
  }
}

/// Tells a request that cannot be computed from an engine that can no longer compute.
void Loop::probe() {
  if (auto reason = thrown_by([&] { runner_.probe(); })) {
    throw std::runtime_error("the engine cannot compute any more: " + *reason);
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
