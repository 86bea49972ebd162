// The scheduler's policy, by example.
#include "engine/core/scheduler.h"

#include <tuple>

#include "doctest/doctest.h"

using namespace mlxd;

namespace {

constexpr SchedulerLimits kLimits{
    .context_length = 100, .vocab_size = 1000, .max_sequences = 4, .prefill_chunk = 8};

Request request(RequestId id, int prompt, int max_tokens, std::vector<Token> stops = {}) {
  return {id, std::vector<Token>(prompt, 7), {}, max_tokens, std::move(stops)};
}

Request of_batch(Request request) {
  request.priority = Priority::batch;
  return request;
}

using Rows = std::vector<std::tuple<RequestId, int, int>>;  // id, offset, length

Rows rows(const Plan& plan) {
  Rows all;
  for (const Plan::Row& row : plan.rows) {
    all.emplace_back(row.sequence->id(), row.offset, row.length);
  }
  return all;
}

/// Plans, and reads `token` for every row that samples.
Rows step(Scheduler& scheduler, Token token = 9) {
  const Plan plan = scheduler.next();
  for (int i = 0; i < plan.sampling; ++i) {
    if (!plan.rows[i].is_void()) scheduler.accept(*plan.rows[i].sequence, token);
  }
  return rows(plan);
}

/// The same, of a step that takes so long.
Rows step_of(Scheduler& scheduler, double seconds) {
  const Plan plan = scheduler.next();
  for (int i = 0; i < plan.sampling; ++i) scheduler.accept(*plan.rows[i].sequence, 9);
  scheduler.observe(plan, seconds);
  return rows(plan);
}

}  // namespace

TEST_CASE("a prompt is computed in chunks and samples after the last one") {
  Scheduler scheduler(kLimits);
  REQUIRE(!scheduler.add(request(1, 20, 3)));
  const int expected[][3] = {{0, 8, 0}, {8, 8, 0}, {16, 4, 1}, {20, 1, 1}, {21, 1, 1}};
  for (auto [offset, length, sampling] : expected) {
    const Plan plan = scheduler.next();
    CHECK(rows(plan) == Rows{{1, offset, length}});
    CHECK(plan.sampling == sampling);
    CHECK(plan.has_partial_prompt() == !sampling);
    CHECK(plan.prompt_tokens == (offset < 20 ? length : 0));
  }
  CHECK(scheduler.next().idle());  // three tokens are planned, the rest is reading
}

TEST_CASE("a step has the next token of all that decode, and prompt tokens up to its budget") {
  Scheduler scheduler({.context_length = 1000, .vocab_size = 1000, .prefill_chunk = 64});
  REQUIRE(!scheduler.add(request(1, 4, 50)));
  REQUIRE(!scheduler.add(request(2, 5, 50)));
  CHECK(step(scheduler) == Rows{{2, 0, 5}, {1, 0, 4}});
  REQUIRE(!scheduler.add(request(3, 100, 50)));
  CHECK(step(scheduler) == Rows{{1, 4, 1}, {2, 5, 1}, {3, 0, 62}});
  CHECK(step(scheduler) == Rows{{1, 5, 1}, {2, 6, 1}, {3, 62, 38}});
  CHECK(step(scheduler) == Rows{{1, 6, 1}, {2, 7, 1}, {3, 100, 1}});
}

TEST_CASE("a short prompt has the next step for itself, and then the long one has its part") {
  Scheduler scheduler({.context_length = 9000, .vocab_size = 1000, .prefill_chunk = 128});
  REQUIRE(!scheduler.add(request(1, 4000, 50)));
  CHECK(step(scheduler) == Rows{{1, 0, 128}});
  REQUIRE(!scheduler.add(request(2, 40, 50)));
  CHECK(step(scheduler) == Rows{{2, 0, 40}});
  REQUIRE(!scheduler.add(request(3, 2, 50)));
  CHECK(step(scheduler) ==
        Rows{{2, 40, 1}, {3, 0, 2}, {1, 128, 32}});  // not less than a chunk pays
  REQUIRE(!scheduler.add(request(4, 60, 50)));
  CHECK(step(scheduler) == Rows{{2, 41, 1}, {3, 2, 1}, {4, 0, 60}});
  REQUIRE(!scheduler.add(request(5, 60, 50)));
  CHECK(step(scheduler) == Rows{{2, 42, 1}, {3, 3, 1}, {4, 60, 1}, {5, 0, 60}, {1, 160, 60}});
}

TEST_CASE("a long prompt's first part after company is as short as with it") {
  Scheduler scheduler({.context_length = 9000, .vocab_size = 1000, .prefill_chunk = 512});
  REQUIRE(!scheduler.add(request(1, 4000, 50)));
  CHECK(step_of(scheduler, 0.128) == Rows{{1, 0, 128}});
  REQUIRE(!scheduler.add(request(2, 20, 2)));
  CHECK(step_of(scheduler, 0.02) == Rows{{2, 0, 20}});
  CHECK(step_of(scheduler, 0.127) == Rows{{2, 20, 1}, {1, 128, 127}});
  CHECK(step_of(scheduler, 0.096) == Rows{{1, 255, 96}});
  CHECK(step_of(scheduler, 0.24) == Rows{{1, 351, 240}});
}

TEST_CASE("a short prompt is computed whole though tokens after a long context are dear") {
  Scheduler scheduler({.context_length = 9000, .vocab_size = 1000, .prefill_chunk = 512});
  REQUIRE(!scheduler.add(request(1, 4000, 50)));
  CHECK(step_of(scheduler, 0.25) == Rows{{1, 0, 128}});
  REQUIRE(!scheduler.add(request(2, 20, 50)));
  CHECK(step_of(scheduler, 0.05) == Rows{{2, 0, 20}});
  CHECK(step_of(scheduler, 0.4) == Rows{{2, 20, 1}, {1, 128, 127}});
  REQUIRE(!scheduler.add(request(3, 60, 50)));
  CHECK(step_of(scheduler, 0.12) == Rows{{2, 21, 1}, {3, 0, 60}});
  CHECK(step_of(scheduler, 0.1) == Rows{{2, 22, 1}, {3, 60, 1}, {1, 255, 32}});
  // A step of 60 tokens took longer than a tenth of a second, so one of 55 is cut.
  REQUIRE(!scheduler.add(request(4, 55, 50)));
  CHECK(step_of(scheduler, 0.1) == Rows{{2, 23, 1}, {3, 61, 1}, {4, 0, 16}, {1, 287, 16}});
}

TEST_CASE(
    "the oldest prompt gets half of what several long ones share, the others go shortest first") {
  Scheduler scheduler({.context_length = 9000, .vocab_size = 1000, .prefill_chunk = 128});
  for (auto [id, length] : {std::pair{1, 4000}, {2, 3000}, {3, 150}, {4, 2000}}) {
    REQUIRE(!scheduler.add(request(static_cast<RequestId>(id), length, 50)));
  }
  CHECK(step(scheduler) == Rows{{3, 0, 64}, {1, 0, 64}});
  CHECK(step(scheduler) == Rows{{3, 64, 86}});
  CHECK(step(scheduler) == Rows{{3, 150, 1}, {4, 0, 63}, {1, 64, 63}});
}

TEST_CASE("what the oldest prompt does not need is for the others") {
  Scheduler scheduler({.context_length = 9000, .vocab_size = 1000, .prefill_chunk = 128});
  REQUIRE(!scheduler.add(request(1, 10, 50)));
  REQUIRE(!scheduler.add(request(2, 500, 50)));
  CHECK(step(scheduler) == Rows{{1, 0, 10}, {2, 0, 118}});
}

TEST_CASE("requests start in the order they came, interactive ones before those of a batch") {
  Scheduler scheduler(kLimits);
  for (RequestId id = 1; id <= 4; ++id) REQUIRE(!scheduler.add(request(id, 1, 50)));
  step(scheduler);
  REQUIRE(!scheduler.add(of_batch(request(5, 1, 50))));
  REQUIRE(!scheduler.add(request(6, 1, 50)));
  REQUIRE(!scheduler.add(request(7, 1, 50)));
  for (RequestId id : {6, 7, 5}) {
    CHECK(scheduler.next().rows.size() == 4);
    REQUIRE(scheduler.remove(id == 6 ? 1 : id == 7 ? 2 : 3));
    CHECK(std::get<0>(rows(scheduler.next()).back()) == id);
  }
}

TEST_CASE("a batch's prompt waits for interactive ones") {
  Scheduler scheduler({.context_length = 9000, .vocab_size = 1000, .prefill_chunk = 64});
  REQUIRE(!scheduler.add(of_batch(request(1, 500, 50))));
  step(scheduler);
  REQUIRE(!scheduler.add(request(2, 200, 50)));
  CHECK(step(scheduler) == Rows{{2, 0, 64}});
  for (int i = 0; i < 3; ++i) step(scheduler);
  CHECK(step(scheduler) == Rows{{2, 200, 1}, {1, 64, 63}});
}

TEST_CASE("no more sequences are computed together than allowed") {
  Scheduler scheduler(kLimits);
  for (RequestId id = 1; id <= 6; ++id) REQUIRE(!scheduler.add(request(id, 1, 50)));
  for (int i = 0; i < 20; ++i) step(scheduler);
  CHECK(scheduler.running() == 4);
  CHECK(scheduler.waiting() == 2);
  REQUIRE(scheduler.remove(2));
  CHECK(rows(scheduler.next()).back() == std::tuple{RequestId{5}, 0, 1});
}

TEST_CASE("a full queue refuses, and takes again once there is room") {
  SchedulerLimits limits = kLimits;
  limits.max_queue = 2;
  Scheduler scheduler(limits);
  for (RequestId id = 1; id <= 6; ++id) REQUIRE(!scheduler.add(request(id, 1, 50)));
  REQUIRE(scheduler.add(request(7, 1, 50)));
  CHECK(scheduler.add(request(7, 1, 50))->code == "queue_full");
  Request going_on = request(8, 5, 50);
  going_on.replied = 2;
  CHECK(!scheduler.add(going_on));  // it had its place
  REQUIRE(scheduler.remove(8));
  REQUIRE(scheduler.remove(3));
  CHECK(!scheduler.add(request(7, 1, 50)));
}

TEST_CASE("penalties count the tokens of a reply that goes on as its own") {
  Scheduler scheduler(kLimits);
  Request going_on = request(1, 5, 50);
  going_on.sampling.presence_penalty = 1;
  going_on.replied = 2;
  REQUIRE(!scheduler.add(going_on));
  scheduler.next();
  const auto seen = scheduler.started().front()->history->seen(false);
  REQUIRE(seen.size() == 1);
  CHECK(seen.front().recent == 5);
  CHECK(seen.front().generated == 2);
  going_on.id = 2;
  going_on.replied = 6;
  CHECK(scheduler.add(going_on)->code == "invalid_request");
}

TEST_CASE("while the oldest request may not start, none after it does") {
  int allowed = 0;
  Scheduler scheduler(kLimits, [&](const Sequence& s) {
    return s.prompt_size() <= allowed ? Start::now : Start::nothing_now;
  });
  REQUIRE(!scheduler.add(request(1, 5, 50)));
  REQUIRE(!scheduler.add(request(2, 1, 50)));
  allowed = 4;
  CHECK(scheduler.next().idle());
  allowed = 5;
  CHECK(rows(scheduler.next()).size() == 2);
}

TEST_CASE("a sequence that starts later lets others pass, and keeps its place") {
  bool held = true;
  Scheduler scheduler(
      kLimits, [&](const Sequence& s) { return s.id() == 1 && held ? Start::later : Start::now; });
  REQUIRE(!scheduler.add(request(1, 5, 50)));
  REQUIRE(!scheduler.add(request(2, 5, 50)));
  CHECK(scheduler.next().rows[0].sequence->id() == 2);
  CHECK(scheduler.waiting() == 1);
  held = false;
  CHECK(scheduler.next().rows.size() == 2);
  CHECK(scheduler.started().size() == 2);
}

TEST_CASE("a sequence computes only what is not computed when it starts") {
  Scheduler scheduler(kLimits, [](Sequence& s) {
    s.computed = 4;
    return Start::now;
  });
  REQUIRE(!scheduler.add(request(1, 6, 50)));
  const Plan plan = scheduler.next();
  CHECK(plan.rows[0].offset == 4);
  CHECK(plan.rows[0].length == 2);
  CHECK(plan.sampling == 1);
}

TEST_CASE("a preempted sequence computes its tokens again, and goes on where it was") {
  Scheduler scheduler(kLimits);
  REQUIRE(!scheduler.add(request(1, 6, 50)));
  for (int i = 0; i < 5; ++i) step(scheduler);
  const Plan in_flight = scheduler.next();
  const SequencePtr sequence = in_flight.rows[0].sequence;
  scheduler.preempt(sequence);
  CHECK(in_flight.rows[0].is_void());
  CHECK(scheduler.running() == 0);
  CHECK(scheduler.waiting() == 1);
  CHECK(step(scheduler) == Rows{{1, 0, 8}});
  CHECK(step(scheduler, 42) == Rows{{1, 8, 3}});
  CHECK(step(scheduler) == Rows{{1, 11, 1}});
  CHECK(sequence->generated == std::vector<Token>{9, 9, 9, 9, 9, 42, 9});
  CHECK(sequence->token(5) == 7);
  CHECK(sequence->token(11) == 42);
  CHECK(!sequence->knows(13));
}

TEST_CASE("a preempted sequence keeps its place in the queue") {
  Scheduler scheduler(kLimits);
  for (RequestId id = 1; id <= 5; ++id) REQUIRE(!scheduler.add(request(id, 1, 50)));
  const SequencePtr second = scheduler.next().rows[0].sequence;  // the oldest comes last
  REQUIRE(second->id() == 2);
  scheduler.preempt(second);
  CHECK(std::get<0>(rows(scheduler.next()).back()) == 2);
}

TEST_CASE("isolated sequences run one at a time until each has passed a step") {
  Scheduler scheduler(kLimits);
  for (RequestId id = 1; id <= 3; ++id) REQUIRE(!scheduler.add(request(id, 10, 50)));
  while (scheduler.running() < 3) step(scheduler);
  const Plan failed = scheduler.next();
  REQUIRE(failed.rows.size() == 3);
  scheduler.isolate(failed.rows[0].sequence);
  scheduler.isolate(failed.rows[1].sequence);
  for (int i = 0; i < 2; ++i) {
    const RequestId id = std::get<0>(rows(scheduler.next()).front());
    for (Plan plan = scheduler.next();; plan = scheduler.next()) {
      CHECK(plan.of_one());
      REQUIRE(plan.rows[0].sequence->id() == id);
      if (plan.sampling == 0) continue;
      scheduler.accept(*plan.rows[0].sequence, 9);
      break;
    }
  }
  CHECK(scheduler.next().rows.size() == 3);
}

TEST_CASE("accept ends a sequence at a stop token, which is not reported, or at its length") {
  Scheduler scheduler(kLimits);
  REQUIRE(!scheduler.add(request(1, 1, 5, {42, 43})));
  const SequencePtr first = scheduler.next().rows[0].sequence;
  CHECK(scheduler.accept(*first, 9).report);
  const auto stopped = scheduler.accept(*first, 43);
  CHECK(!stopped.report);
  CHECK(stopped.finish == Finish::stop);
  CHECK(first->done());
  CHECK(!scheduler.remove(1));

  REQUIRE(!scheduler.add(request(2, 1, 2)));
  const SequencePtr second = scheduler.next().rows[0].sequence;
  CHECK(!scheduler.accept(*second, 9).finish);
  const auto last = scheduler.accept(*second, 9);
  CHECK(last.report);
  CHECK(last.finish == Finish::length);
}

TEST_CASE("max tokens is clipped to the context that is left") {
  Scheduler scheduler(kLimits);
  REQUIRE(!scheduler.add(request(1, 99, 50)));
  while (!scheduler.next().idle()) {
  }
  CHECK(scheduler.running() == 1);
  REQUIRE(!scheduler.add(request(2, 90, 50)));
  SequencePtr sequence;
  for (Plan plan = scheduler.next(); !plan.idle(); plan = scheduler.next()) {
    sequence = plan.rows.back().sequence;
  }
  CHECK(sequence->request.max_tokens == 10);
}

TEST_CASE("requests that cannot be served are refused with the reason") {
  Scheduler scheduler(kLimits);
  const auto failure = scheduler.add(request(1, 100, 1));
  REQUIRE(failure);
  CHECK(failure->code == "context_length_exceeded");
  CHECK(failure->message.find("100 tokens") != std::string::npos);

  auto foreign = request(1, 3, 1);
  foreign.tokens[1] = 1000;
  auto negative = request(1, 3, 1);
  negative.tokens[2] = -1;
  for (const Request& bad : {request(1, 0, 1), request(1, 3, 0), foreign, negative}) {
    const auto refused = scheduler.add(bad);
    REQUIRE(refused);
    CHECK(refused->code == "invalid_request");
  }
  REQUIRE(!scheduler.add(request(1, 3, 1)));
  CHECK(scheduler.add(request(1, 3, 1))->code == "invalid_request");
  CHECK(scheduler.waiting() == 1);
}
