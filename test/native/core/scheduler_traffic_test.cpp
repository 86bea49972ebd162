// What the scheduler promises under random traffic.
#include <map>
#include <random>
#include <set>
#include <utility>

#include "doctest/doctest.h"
#include "engine/core/scheduler.h"

using namespace mlxd;

namespace {

constexpr SchedulerLimits kLimits{.context_length = 200,
                                  .vocab_size = 1000,
                                  .max_sequences = 5,
                                  .prefill_chunk = 16,
                                  .max_queue = 6};

/// Plays the engine against a scheduler, one step ahead as the real one, and checks every plan on
/// the way.
class Traffic {
 public:
  explicit Traffic(unsigned seed) : random_(seed), scheduler_(kLimits) {}

  void run(int submits) {
    while (submits > 0 || !live_.empty()) {
      if (submits > 0 && chance(3)) submit(submits--);
      if (!live_.empty() && chance(20)) cancel();
      if (chance(30)) fail();
      // As the engine: a step with more of a prompt to come is read before the next is planned.
      if (in_flight_.has_partial_prompt()) read(std::exchange(in_flight_, {}));
      const Plan plan = scheduler_.next();
      check(plan);
      read(std::exchange(in_flight_, plan));
    }
    read(in_flight_);
    CHECK(scheduler_.next().idle());
    CHECK(scheduler_.waiting() + scheduler_.running() == 0);
    CHECK(ended_ + refused_ == submitted_);
  }

 private:
  struct Live {
    std::vector<Token> tokens;
    int max_tokens = 0;
    int computed = 0;
  };

  bool chance(int one_in) { return random_() % static_cast<unsigned>(one_in) == 0; }

  void submit(RequestId id) {
    const int prompt = 1 + static_cast<int>(random_() % 100);
    const int max_tokens = 1 + static_cast<int>(random_() % 30);
    const bool full =
        live_.size() == static_cast<size_t>(kLimits.max_sequences + kLimits.max_queue);
    const auto refused = scheduler_.add({id, std::vector<Token>(prompt, 7), {}, max_tokens, {0}});
    ++submitted_;
    CHECK(refused.has_value() == full);
    if (refused) {
      ++refused_;
    } else {
      live_[id].max_tokens = std::min(max_tokens, kLimits.context_length - prompt);
    }
  }

  void cancel() {
    auto victim = std::next(live_.begin(), static_cast<long>(random_() % live_.size()));
    REQUIRE(scheduler_.remove(victim->first));
    live_.erase(victim);
    ++ended_;
  }

  /// A step is lost: all that were in it start again.
  void fail() {
    for (const Plan::Row& row : std::exchange(in_flight_, {}).rows) {
      if (row.is_void()) continue;
      scheduler_.isolate(row.sequence);
      live_[row.sequence->id()].computed = 0;
    }
  }

  void check(const Plan& plan) {
    std::set<RequestId> planned, prompts;
    int prompt_tokens = 0;
    bool isolates = false;
    for (const auto& [sequence, offset, length, attempt] : plan.rows) {
      REQUIRE(live_.count(sequence->id()) == 1);
      Live& live = live_[sequence->id()];
      CHECK(offset == live.computed);
      CHECK(length >= 1);
      live.computed += length;
      CHECK(live.computed < kLimits.context_length);
      CHECK(planned.insert(sequence->id()).second);
      if (length > 1 || offset < sequence->prompt_size()) {
        prompts.insert(sequence->id());
        prompt_tokens += length;
      }
      isolates = isolates || sequence->suspect;
    }
    CHECK(planned.size() <= static_cast<size_t>(kLimits.max_sequences));
    CHECK(prompt_tokens <= kLimits.prefill_chunk);
    if (isolates) CHECK(planned.size() == 1);
    if (!plan.idle() && !isolates) check_nobody_starves(plan, planned, prompts);
  }

  /// All that decode are in every step, and of the prompts the oldest in every second one.
  void check_nobody_starves(const Plan& plan, const std::set<RequestId>& planned,
                            const std::set<RequestId>& prompts) {
    for (const auto& row : plan.rows) started_[row.sequence->id()] = row.sequence;
    SequencePtr oldest;
    for (const auto& [id, sequence] : started_) {
      if (sequence->state == Sequence::State::decode && planned.count(id) == 0) {
        CHECK(sequence->planned == sequence->request.max_tokens);
      }
      const bool is_prompt = sequence->state == Sequence::State::prefill || prompts.count(id) > 0;
      if (is_prompt && (!oldest || sequence->arrival < oldest->arrival)) oldest = sequence;
    }
    if (oldest) steps_without_oldest_ = planned.count(oldest->id()) ? 0 : steps_without_oldest_ + 1;
    CHECK(steps_without_oldest_ <= 1);
  }

  void read(const Plan& plan) {
    for (int i = 0; i < plan.sampling; ++i) {
      const Plan::Row& row = plan.rows[i];
      if (row.is_void()) continue;
      const RequestId id = row.sequence->id();
      const auto token = static_cast<Token>(random_() % 40);
      const auto accepted = scheduler_.accept(*row.sequence, token);
      Live& live = live_[id];
      if (accepted.report) live.tokens.push_back(token);
      CHECK(row.sequence->generated == live.tokens);
      if (!accepted.finish) continue;
      const bool at_limit = static_cast<int>(live.tokens.size()) == live.max_tokens;
      CHECK(at_limit == (*accepted.finish == Finish::length));
      REQUIRE(live_.erase(id) == 1);
      ++ended_;
    }
  }

  std::mt19937 random_;
  Scheduler scheduler_;
  Plan in_flight_;
  std::map<RequestId, Live> live_;
  std::map<RequestId, SequencePtr> started_;
  int steps_without_oldest_ = 0;
  int submitted_ = 0, refused_ = 0, ended_ = 0;
};

}  // namespace

TEST_CASE("under random submits, cancels and failures all end once, none starves, budgets hold") {
  for (unsigned seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    Traffic(seed).run(60);
  }
}
