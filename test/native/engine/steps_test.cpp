// How the engine steps: chunks, one step ahead, cancels taken between steps, errors kept to the
// sequences of a step.
#include <atomic>
#include <mutex>

#include "engine/client.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

/// What the model was asked to compute: one list of {offset, length} a step.
class Steps {
 public:
  using Segments = std::vector<std::pair<int, int>>;

  void record(const Step& step) {
    std::lock_guard lock(mutex_);
    Segments segments;
    for (const Segment& s : step.segments) segments.emplace_back(s.offset, s.length);
    all_.push_back(std::move(segments));
  }
  std::vector<Segments> all() const {
    std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Segments> all_;
};

/// Throws on the thread that MLX computes on, not where the graph is built: the inverse of a
/// singular matrix.
mx::array poisoned(const mx::array& logits) {
  return mx::add(logits, mx::sum(mx::linalg::inv(mx::zeros({2, 2}), mx::Device::cpu)));
}

}  // namespace

TEST_CASE("a prompt is computed in chunks, and only the last one reaches the head") {
  Steps steps;
  std::atomic<int> heads{0};
  Client client(Behaviour{.on_forward = [&](const Step& step) { steps.record(step); },
                          .on_logits =
                              [&](int rows) {
                                ++heads;
                                CHECK(rows == 1);
                              }},
                {.prefill_chunk = 8});
  client.submit(1, 20, 5, 3);
  CHECK(client.result(1).tokens == counting(5, 3));
  client.engine.close();
  const std::vector<Steps::Segments> expected{{{0, 8}}, {{8, 8}}, {{16, 4}}, {{20, 1}}, {{21, 1}}};
  CHECK(steps.all() == expected);
  CHECK(heads == 3);
}

TEST_CASE("the next step is submitted before the last one is read: a stop token costs one row") {
  Steps steps;
  Client client(Behaviour{.on_forward = [&](const Step& step) { steps.record(step); }});
  client.submit(1, 1, 5, 50, {8});
  CHECK(client.result(1).tokens == counting(5, 2));
  client.engine.close();
  // Prompt -> 6, then 7, then 8 (the stop), and the one step that was already submitted.
  const std::vector<Steps::Segments> expected{{{0, 1}}, {{1, 1}}, {{2, 1}}, {{3, 1}}};
  CHECK(steps.all() == expected);
}

TEST_CASE("a length that is known beforehand wastes nothing") {
  Steps steps;
  Client client(Behaviour{.on_forward = [&](const Step& step) { steps.record(step); }});
  client.submit(1, 1, 5, 3);
  client.result(1);
  client.engine.close();
  CHECK(steps.all().size() == 3);
}

TEST_CASE("sequences that start and end at different times share decode steps") {
  Steps steps;
  Client client(Behaviour{.on_forward = [&](const Step& step) { steps.record(step); }});
  client.submit(1, 4, 5, 30);
  client.submit(2, 4, 9, 10);
  client.submit(3, 4, 20, 25, {0});
  CHECK(client.result(1).tokens == counting(5, 30));
  CHECK(client.result(2).tokens == counting(9, 10));
  CHECK(client.result(3).tokens == counting(20, 11));
  size_t widest = 0;
  for (const auto& segments : steps.all()) widest = std::max(widest, segments.size());
  CHECK(widest == 3);
}

TEST_CASE("a cancel is taken between steps, in prefill and in decode") {
  for (int cancelled_at : {2, 6}) {  // steps 1 to 4 are the prompt's chunks
    CAPTURE(cancelled_at);
    Gate gate;
    Steps steps;
    Client client(Behaviour{.on_forward =
                                [&](const Step& step) {
                                  steps.record(step);
                                  if (static_cast<int>(steps.all().size()) == cancelled_at) {
                                    gate.pass();
                                  }
                                }},
                  {.prefill_chunk = 8});
    client.submit(1, 30, 5, 30);
    gate.await_arrival();
    client.engine.cancel(1);
    client.engine.cancel(77);  // unknown: ignored
    gate.open();
    CHECK(client.result(1).finish == Finish::cancelled);
    CHECK(static_cast<int>(steps.all().size()) == cancelled_at);
    client.submit(1, 2, 9, 3);  // the id is free again
    client.outcomes.erase(1);
    CHECK(client.result(1).tokens == counting(9, 3));
  }
}

TEST_CASE("a throw while a chunk is built fails that request only") {
  Client client(Behaviour{.on_forward =
                              [](const Step& step) {
                                const Segment& s = step.segments.front();
                                if (s.length > 1 && s.offset == 8) throw std::runtime_error("boom");
                              }},
                {.prefill_chunk = 8});
  client.submit(1, 4, 5, 40);
  client.submit(2, 20, 5, 40);
  client.submit(3, 8, 9, 30);
  REQUIRE(client.result(2).failure);
  CHECK(client.result(2).failure->code == "generation_failed");
  CHECK(client.result(2).failure->message == "boom");
  CHECK(client.result(1).tokens == counting(5, 40));
  CHECK(client.result(3).tokens == counting(9, 30));
}

TEST_CASE("a throw in a decode step fails the sequences in it, and the engine goes on") {
  std::atomic<bool> throws{true};
  Client client(Behaviour{.on_forward = [&](const Step& step) {
    if (step.segments.size() == 2 && throws.exchange(false)) throw std::runtime_error("boom");
  }});
  client.submit(1, 1, 5, 60);
  client.submit(2, 1, 5, 60);
  CHECK(client.result(1).failure->message == "boom");
  CHECK(client.result(2).failure->message == "boom");
  client.submit(3, 1, 7, 10);
  CHECK(client.result(3).tokens == counting(7, 10));
  CHECK(client.engine.stats().state == EngineState::ready);
}

// Where MLX throws such an error depends on timing: where its step is read, or already where the
// next one is launched, which then fails too. What must hold: the poisoned request fails, no
// request gets a wrong token, the engine goes on.
TEST_CASE("an error on the thread that MLX computes on gives no wrong token") {
  std::atomic<bool> poison{false};
  Client client(
      Behaviour{.on_forward = [&](const Step& step) { poison = step.segments.front().length == 3; },
                .change_logits =
                    [&](const mx::array& logits) { return poison ? poisoned(logits) : logits; }});
  client.submit(1, 1, 5, 40);
  client.submit(2, 3, 5, 40);
  client.submit(3, 2, 9, 40);
  REQUIRE(client.result(2).failure);
  CHECK(client.result(2).failure->code == "generation_failed");
  CHECK(client.result(2).tokens.empty());
  for (auto [id, last] : {std::pair<RequestId, Token>{1, 5}, {3, 9}}) {
    const Outcome& outcome = client.result(id);
    CHECK(outcome.tokens == counting(last, static_cast<int>(outcome.tokens.size())));
    CHECK((outcome.failure || outcome.tokens.size() == 40));
  }
  client.submit(4, 1, 7, 10);
  CHECK(client.result(4).tokens == counting(7, 10));
}
