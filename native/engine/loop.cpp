// The loop of the engine thread, and what ends a request.
#include "engine/loop.h"

#include <algorithm>
#include <exception>
#include <span>
#include <stdexcept>
#include <utility>

namespace mlxd {
namespace {

// An idle engine still goes through its loop this often: its heartbeat shows that the thread is
// alive.
constexpr std::chrono::milliseconds kIdleHeartbeat{1000};

// Positions of a prompt that are kept together, at the least: so a long one leaves part by part.
constexpr int kKeepEvery = 256;

// Tokens that are worth waiting for another sequence which is computing them.
constexpr int kWorthWaiting = 32;

const Failure kOutOfMemory{"insufficient_memory",
                           "memory ran out while the reply was computed: try again later, shorten "
                           "the prompt, or run fewer requests at once"};

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

Loop::Loop(const Model& model, const SchedulerLimits& limits, const MemoryLimits& memory,
           Mailbox& mailbox, Status& status)
    : mailbox_(mailbox),
      status_(status),
      memory_(model, limits.context_length, memory),
      scheduler_(limits, [this](Sequence& sequence) { return may_start(sequence); }),
      runner_(model) {}

void Loop::serve() {
  for (;;) {
    // A step with more of a prompt to come is waited for: the cache arrays that it writes must not
    // be held while the next one appends in place, and who has come meanwhile joins at once. So is
    // one before a part of a prompt: its tokens would be read only after that.
    if (in_flight_.plan.has_partial_prompt() ||
        (in_flight_.samples() && scheduler_.has_prompts())) {
      finish(std::exchange(in_flight_, {}));
      publish();
    }
    if (!receive()) return;
    // Otherwise the next step is submitted before this one is read: the device has work while
    // tokens travel.
    make_room();
    InFlight next = start(scheduler_.next());
    finish(std::exchange(in_flight_, std::move(next)));
    take_forced();
    publish();
  }
}

/// Takes the commands that came in; waits for one if there is nothing else to do. False once
/// stopped.
bool Loop::receive() {
  const bool idle = in_flight_.idle() && scheduler_.waiting() + scheduler_.running() == 0;
  auto commands = mailbox_.take(idle ? kIdleHeartbeat : std::chrono::milliseconds(0));
  if (!idle || !commands.empty()) {
    rested_ = false;
  } else if (!std::exchange(rested_, true)) {
    if (thrown_by([&] { memory_.rest(); })) release_free_memory();
  }
  for (Command& command : commands) handle(std::move(command));
  status_.beat();
  return !mailbox_.stopping();
}

void Loop::publish() {
  status_.waiting = scheduler_.waiting();
  status_.running = scheduler_.running();
  status_.active_memory_bytes = held_memory();
  status_.peak_memory_bytes = std::max<size_t>(
      status_.peak_memory_bytes, held_memory() + mx::get_peak_memory() - mx::get_active_memory());
  reuse_.evictions = memory_.prefixes().evictions();
  reuse_.bytes = memory_.prefixes().bytes();
  reuse_.entries = memory_.prefixes().entries();
  status_.set_prefixes(reuse_);
  mailbox_.publish(std::exchange(events_, {}));
}

void Loop::handle(Command command) {
  if (const auto* cancel = std::get_if<Cancel>(&command)) {
    if (const auto ended = scheduler_.remove(cancel->id)) {
      close_sequence(*ended, Finish::cancelled);
    }
    return;
  }
  auto& request = std::get<Request>(command);
  const RequestId id = request.id;
  auto failure = memory_.check(request);
  if (!failure) failure = scheduler_.add(std::move(request));
  if (failure) {
    events_.add_failure(id, EventKind::failed, std::move(*failure));
  }
}

/// Looks for what is computed of a sequence already, and for room for the rest.
Start Loop::may_start(Sequence& sequence) {
  const std::vector<Token> tokens = sequence.tokens();
  std::optional<PrefixCache::Hit> hit;
  // The last token is left to compute: what follows it is to be sampled. Of a prompt that is to be
  // scored, all are.
  if (!sequence.scores_prompt()) {
    const auto before_last = std::span(tokens).first(tokens.size() - 1);
    beside_step([&] { hit = memory_.prefixes().find(sequence.request.salt, before_last); });
  }
  const int cached = hit ? hit->length : 0;
  if (is_being_computed(sequence, cached)) return Start::later;
  const size_t own = memory_.growth(cached, static_cast<int>(tokens.size()) + 1);
  const bool alone = scheduler_.started().empty();
  if (!memory_.make_room(growth(1) + own) && !alone) return Start::nothing_now;
  runner_.begin(sequence, std::move(hit));
  sequence.computed = sequence.settled = sequence.kept = cached;
  ++reuse_.lookups;
  reuse_.hits += cached > 0;
  reuse_.reused_tokens += cached;
  if (cached > 0 && sequence.attempt == 0) {
    events_.add(sequence.id(), EventKind::reused, cached);
  }
  return Start::now;
}

/// Whether it pays to wait: another sequence is about to keep more of the same prompt.
bool Loop::is_being_computed(const Sequence& sequence, int cached) const {
  if (!memory_.prefixes().enabled() || sequence.scores_prompt()) return false;
  const auto& mine = sequence.request;
  return std::ranges::any_of(scheduler_.started(), [&](const SequencePtr& other) {
    const auto& theirs = other->request;
    if (!other->generated.empty() || other->suspect || theirs.salt != mine.salt) return false;
    const auto end = std::ranges::mismatch(mine.tokens, theirs.tokens).in1;
    const int common = static_cast<int>(end - mine.tokens.begin());
    const int kept = std::min({common, sequence.prompt_size() - 1, other->prompt_size() - 1});
    return other->kept < kept && kept - cached >= kWorthWaiting;
  });
}

/// Before a step: prefixes go, then the newest sequence waits, until what runs has room to grow.
void Loop::make_room() {
  while (!memory_.make_room(growth(1)) && scheduler_.started().size() > 1) {
    const auto& started = scheduler_.started();
    const SequencePtr newest = *std::ranges::max_element(started, {}, &Sequence::arrival);
    runner_.release(newest->id());
    scheduler_.preempt(newest);
  }
}

/// Bytes that all started sequences will add until each has computed what it has and `ahead` more.
size_t Loop::growth(int ahead) const {
  size_t bytes = 0;
  for (const SequencePtr& sequence : scheduler_.started()) {
    bytes += memory_.growth(sequence->computed, sequence->computed + sequence->left() + ahead);
  }
  return bytes;
}

InFlight Loop::start(const Plan& plan) {
  // Before the launch, which on a CPU waits for most of the step.
  const auto started = Status::Clock::now();
  memory_.step_begins();
  InFlight next;
  if (auto reason = thrown_by([&] { next = runner_.build(plan, in_flight_); })) {
    // The one in flight may still throw what is its own: it is read first.
    finish(std::exchange(in_flight_, {}));
    fail(plan, *reason);
    return {};
  }
  if (auto reason = thrown_by([&] { runner_.launch(next, in_flight_); })) {
    fail_with_in_flight(plan, *reason);
    return {};
  }
  next.started = started;
  return next;
}

void Loop::finish(InFlight step) {
  if (step.idle()) return;
  std::vector<Sampled> sampled;
  std::vector<PromptScores> prompts;
  const auto read = [&] {
    if (step.error) throw std::runtime_error(*step.error);
    sampled = runner_.collect(step);
    prompts = runner_.score_prompts(step);
  };
  if (auto reason = thrown_by(read)) return fail_with_in_flight(step.plan, *reason);
  memory_.step_ends();
  const auto now = Status::Clock::now();
  const auto since = std::max(step.started, std::exchange(last_finished_, now));
  scheduler_.observe(step.plan, std::chrono::duration<double>(now - since).count());
  status_.prompt_tokens += step.plan.prompt_tokens;
  for (const Plan::Row& row : step.plan.rows) {
    if (!row.is_void()) settle(row);
  }
  for (const PromptScores& scores : prompts) report(scores);
  for (const auto& [i, problem] : step.problems) {
    const Plan::Row& row = step.plan.rows[i];
    if (!row.is_void()) end_failed(*row.sequence, {"grammar_failed", problem});
  }
  for (size_t i = 0; i < sampled.size(); ++i) {
    const Plan::Row& row = step.plan.rows[i];
    if (!row.is_void() && !row.is_answered()) take_token(*row.sequence, sampled[i]);
  }
}

/// Prompts are kept as they are computed: all but the last token, which a sequence that begins the
/// same computes for itself.
void Loop::settle(const Plan::Row& row) {
  Sequence& sequence = *row.sequence;
  sequence.settled = row.offset + row.length;
  const int prompt = sequence.prompt_size() - 1;
  if (sequence.kept >= prompt) return;
  const int end = std::min(sequence.settled, prompt);
  if (end == prompt || end - sequence.kept >= kKeepEvery) keep(sequence, end);
}

void Loop::keep(Sequence& sequence, int positions) {
  const std::vector<Token> tokens = sequence.tokens();
  const auto computed = std::span(tokens).first(positions);
  beside_step([&] {
    memory_.prefixes().keep(sequence.request.salt, computed, *runner_.cache(sequence.id()));
  });
  sequence.kept = positions;
}

/// A prefix is a gain, not a need: who does not get one goes on. But some are computed when they
/// are taken, and then MLX may throw what went wrong in the step in flight, which fails.
void Loop::beside_step(const std::function<void()>& work) {
  auto reason = thrown_by(work);
  if (!reason) return;
  if (in_flight_.idle()) return status_.failed(*reason);
  in_flight_.error = std::move(reason);
}

void Loop::report(const PromptScores& scores) {
  for (const auto& entries : scores.tokens) {
    events_.add_scored(scores.sequence->id(), EventKind::scored_prompt, entries);
  }
  scores.sequence->scored += static_cast<int>(scores.tokens.size());
}

void Loop::take_token(Sequence& sequence, const Sampled& sampled) {
  const Scheduler::Accepted accepted = scheduler_.accept(sequence, sampled.token);
  if (accepted.report) {
    events_.add_sampled(sequence.id(), sampled);
    ++status_.generated_tokens;
  }
  if (accepted.finish) close_sequence(sequence, *accepted.finish);
}

/// Tokens that a grammar forces are part of a reply before the step in flight has sampled the
/// first: the next step computes them together.
void Loop::take_forced() {
  for (const auto& [i, tokens] : in_flight_.forced) {
    const Plan::Row& row = in_flight_.plan.rows[i];
    for (Token token : tokens) {
      if (!row.is_void()) take_token(*row.sequence, {token, {}});
    }
  }
}

/// What was computed is kept, of the reply too: the next turn begins with it.
void Loop::close_sequence(Sequence& sequence, Finish reason) {
  const auto read = sequence.request.tokens.size() + sequence.generated.size();
  const int known = std::min(sequence.settled, static_cast<int>(read));
  if (known > sequence.kept) keep(sequence, known);
  runner_.release(sequence.id());
  events_.add(sequence.id(), EventKind::finished, static_cast<int32_t>(reason));
}

/// A step threw where it was launched or read, and another may be in flight. MLX keeps one error a
/// stream, the first, and forgets it once thrown: neither step can be trusted.
void Loop::fail_with_in_flight(Plan concerned, const std::string& reason) {
  runner_.settle();
  const auto& others = in_flight_.plan.rows;
  concerned.rows.insert(concerned.rows.end(), others.begin(), others.end());
  in_flight_ = {};
  fail(concerned, reason);
}

/// A step threw. One sequence alone is at fault; of several, each has to show that it is not. Where
/// memory ran out, also one alone has a second try with what can be given back.
void Loop::fail(const Plan& concerned, const std::string& reason) {
  status_.failed(reason);
  const bool starved = is_out_of_memory(reason);
  if (starved) memory_.give_back();
  Sequence& first = *concerned.rows.front().sequence;
  if (!concerned.of_one() || (starved && !first.starved)) return retry_alone(concerned, starved);
  if (!concerned.rows.front().is_void()) {
    end_failed(first, starved ? kOutOfMemory : Failure{"generation_failed", reason});
  }
  probe();
}

void Loop::end_failed(const Sequence& sequence, Failure failure) {
  const RequestId id = sequence.id();
  scheduler_.remove(id);
  runner_.release(id);
  events_.add_failure(id, EventKind::failed, std::move(failure));
}

void Loop::retry_alone(const Plan& concerned, bool starved) {
  for (const Plan::Row& row : concerned.rows) {
    if (row.is_void()) continue;
    row.sequence->starved |= starved;
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
      close_sequence(*sequence, Finish::cancelled);
    }
  }
  runner_.settle();
  in_flight_ = {};
  publish();
}

}  // namespace mlxd
