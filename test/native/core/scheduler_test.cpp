// The scheduler's policy by example, and its promises under random traffic.
#include "engine/core/scheduler.h"

#include <map>
#include <random>
#include <set>

#include "doctest/doctest.h"

using namespace mlxd;

namespace {

constexpr SchedulerLimits kLimits{100, 1000, 4, 8};

Request request(RequestId id, int prompt, int max_tokens, std::vector<Token> stops = {}) {
  return {id, std::vector<Token>(prompt, 7), {}, max_tokens, std::move(stops)};
}

bool is_chunk(const Plan& plan) { return plan.rows.size() == 1 && plan.rows[0].of_prompt(); }

std::vector<RequestId> ids(const Plan& plan) {
  std::vector<RequestId> all;
  for (const auto& row : plan.rows) all.push_back(row.sequence->id());
  return all;
}

}  // namespace

TEST_CASE("a prompt is computed in chunks and samples after the last one") {
  Scheduler scheduler(kLimits);
  REQUIRE(!scheduler.add(request(1, 20, 3)));
  const int expected[][3] = {{0, 8, 0}, {8, 8, 0}, {16, 4, 1}, {20, 1, 1}, {21, 1, 1}};
  for (auto [offset, length, samples] : expected) {
    const Plan plan = scheduler.next();
    REQUIRE(plan.rows.size() == 1);
    CHECK(plan.rows[0].offset == offset);
    CHECK(plan.rows[0].length == length);
    CHECK(plan.samples == static_cast<bool>(samples));
  }
  CHECK(scheduler.next().idle());  // three tokens are planned, the rest is reading
}

TEST_CASE("chunks and decode steps alternate, oldest prompt first") {
  Scheduler scheduler(kLimits);
  REQUIRE(!scheduler.add(request(1, 4, 50)));
  CHECK(ids(scheduler.next()) == std::vector<RequestId>{1});
  REQUIRE(!scheduler.add(request(2, 16, 50)));
  REQUIRE(!scheduler.add(request(3, 8, 50)));
  using Ids = std::vector<RequestId>;
  for (const Ids& expected : {Ids{1}, Ids{2}, Ids{1}, Ids{2}, Ids{1, 2}, Ids{3}, Ids{1, 2, 3}}) {
    CHECK(ids(scheduler.next()) == expected);
  }
}

TEST_CASE("no more sequences decode together than allowed") {
  Scheduler scheduler(kLimits);
  for (RequestId id = 1; id <= 6; ++id) REQUIRE(!scheduler.add(request(id, 1, 50)));
  for (int i = 0; i < 20; ++i) scheduler.next();
  CHECK(scheduler.running() == 4);
  CHECK(scheduler.waiting() == 2);
  REQUIRE(scheduler.remove(2));
  CHECK(ids(scheduler.next()) == std::vector<RequestId>{5});
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
    sequence = plan.rows[0].sequence;
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

namespace {

/// Plays the engine against a scheduler, one step ahead as the real one, and checks every plan on
/// the way.
class Traffic {
 public:
  explicit Traffic(unsigned seed) : random_(seed), scheduler_(kLimits) {}

  void run(int submits) {
    while (submits > 0 || !live_.empty()) {
      if (submits > 0 && chance(3)) submit(submits--);
      if (!live_.empty() && chance(20)) cancel();
      const Plan plan = scheduler_.next();
      check(plan);
      read(in_flight_);
      in_flight_ = plan;
    }
    CHECK(scheduler_.next().idle());
    CHECK(scheduler_.waiting() + scheduler_.running() == 0);
  }

 private:
  struct Live {
    int computed = 0, tokens = 0, max_tokens = 0, idle_steps = 0;
  };

  bool chance(int one_in) { return random_() % one_in == 0; }

  void submit(RequestId id) {
    const int prompt = 1 + static_cast<int>(random_() % 60);
    const int max_tokens = 1 + static_cast<int>(random_() % 30);
    REQUIRE(!scheduler_.add(request(id, prompt, max_tokens, {0})));
    live_[id].max_tokens = std::min(max_tokens, kLimits.context_length - prompt);
  }

  void cancel() {
    auto victim = std::next(live_.begin(), static_cast<long>(random_() % live_.size()));
    REQUIRE(scheduler_.remove(victim->first));
    live_.erase(victim);
  }

  void check(const Plan& plan) {
    CHECK(plan.rows.size() <= static_cast<size_t>(kLimits.max_sequences));
    std::set<RequestId> planned;
    for (const auto& [sequence, offset, length] : plan.rows) {
      REQUIRE(live_.count(sequence->id()) == 1);
      Live& live = live_[sequence->id()];
      CHECK(length <= (is_chunk(plan) ? kLimits.prefill_chunk : 1));
      CHECK(offset == live.computed);
      live.computed += length;
      CHECK(live.computed < kLimits.context_length);
      planned.insert(sequence->id());
    }
    for (const SequencePtr& sequence : running_) {
      if (sequence->done() || sequence->planned == sequence->request.max_tokens) continue;
      Live& live = live_[sequence->id()];
      live.idle_steps = planned.count(sequence->id()) ? 0 : live.idle_steps + 1;
      CHECK(live.idle_steps <= 1);  // at most one chunk between two tokens
    }
    if (is_chunk(plan) && plan.samples) running_.push_back(plan.rows[0].sequence);
  }

  void read(const Plan& plan) {
    if (!plan.samples) return;
    for (const Plan::Row& row : plan.rows) {
      if (row.sequence->done()) continue;
      const RequestId id = row.sequence->id();
      const auto accepted = scheduler_.accept(*row.sequence, static_cast<Token>(random_() % 40));
      Live& live = live_[id];
      live.tokens += accepted.report;
      if (!accepted.finish) continue;
      CHECK((live.tokens == live.max_tokens) == (*accepted.finish == Finish::length));
      live_.erase(id);
    }
  }

  std::mt19937 random_;
  Scheduler scheduler_;
  Plan in_flight_;
  std::map<RequestId, Live> live_;
  std::vector<SequencePtr> running_;
};

}  // namespace

TEST_CASE("under random submits and cancels everyone finishes, nobody starves, budgets hold") {
  for (unsigned seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    Traffic(seed).run(60);
  }
}
