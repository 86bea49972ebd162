// What throws in a step fails the request at fault and no other; an engine that cannot compute any
// more says so and ends.
#include <algorithm>
#include <atomic>
#include <random>
#include <span>

#include "engine/client.h"
#include "mlx/scheduler.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

/// Throws on the thread that MLX computes on, not where the graph is built: the inverse of a
/// singular matrix.
mx::array poisoned(const mx::array& logits) {
  return mx::add(logits, mx::sum(mx::linalg::inv(mx::zeros({2, 2}), mx::Device::cpu)));
}

/// As poisoned(), some milliseconds after it was launched.
mx::array poisoned_late(const mx::array& logits) {
  const auto zeros = mx::zeros({256, 256});
  return mx::add(logits, mx::sum(mx::linalg::inv(mx::matmul(zeros, zeros), mx::Device::cpu)));
}

/// Longer than others ever are, with what was generated of them.
constexpr int kPoisonous = 50;

/// Steps of sequences that have come to `length` tokens throw. `poison` tells the one that is
/// built.
Behaviour poisoned_from(int length, std::atomic<bool>& poison) {
  const auto reaches = [=](const Segment& s) { return s.offset + s.length >= length; };
  return {
      .on_forward = [&poison, reaches](
                        const Step& step) { poison = std::ranges::any_of(step.segments, reaches); },
      .change_logits =
          [&poison](const mx::array& logits) { return poison ? poisoned(logits) : logits; }};
}

}  // namespace

TEST_CASE("a throw while a prompt is built fails that request only") {
  for (int chunk : {64, 4}) {
    CAPTURE(chunk);
    Client client(Behaviour{.on_forward =
                                [](const Step& step) {
                                  for (const Segment& s : step.segments) {
                                    if (s.offset + s.length == 23) throw std::runtime_error("boom");
                                  }
                                }},
                  {.prefill_chunk = chunk});
    client.submit(1, 4, 5, 15);
    client.submit(2, 23, 5, 15);
    client.submit(3, 8, 9, 12);
    REQUIRE(client.result(2).failure);
    CHECK(client.result(2).failure->code == "generation_failed");
    CHECK(client.result(2).failure->message == "boom");
    CHECK(client.result(1).tokens == counting(5, 15));
    CHECK(client.result(3).tokens == counting(9, 12));
    CHECK(client.engine.stats().state == EngineState::ready);
    CHECK(client.engine.stats().last_error == "boom");
    CHECK(client.engine.stats().failures >= 1);
  }
}

TEST_CASE("a throw that does not come again costs nobody a token") {
  std::atomic<int> throws{3};
  Client client(Behaviour{.on_forward = [&](const Step& step) {
    if (step.segments.size() == 3 && throws-- > 0) throw std::runtime_error("boom");
  }});
  client.submit(1, 1, 5, 60);
  client.submit(2, 1, 6, 60);
  client.submit(3, 30, 7, 30);
  CHECK(client.result(1).tokens == counting(5, 60));
  CHECK(client.result(2).tokens == counting(6, 60));
  CHECK(client.result(3).tokens == counting(7, 30));
  CHECK(client.engine.stats().failures == 3);
}

TEST_CASE("sampled tokens are the same after a failed step") {
  const auto sampled = [](bool fails) {
    std::atomic<int> forwards{0};
    Client client(Behaviour{.peak = 1, .on_forward = [&](const Step&) {
                              if (++forwards == 9 && fails) throw std::runtime_error("boom");
                            }});
    for (RequestId id : {1, 2}) {
      REQUIRE(client.engine.submit({id, {1, 2, 3}, {1.0f, 0.95f, 0, 0.0f, id}, 20, {}}));
    }
    CHECK(client.result(1).tokens.size() == 20);
    return std::pair(client.result(1).tokens, client.result(2).tokens);
  };
  CHECK(sampled(true) == sampled(false));
}

// Where MLX throws such an error depends on timing: where its step is read, or already where the
// next one is launched. What must hold: the poisoned request fails, the others get their tokens.
TEST_CASE("an error on the thread that MLX computes on fails the request at fault") {
  std::atomic<bool> poison{false};
  Client client(poisoned_from(kPoisonous, poison));
  client.submit(1, 1, 5, 40);
  client.submit(2, kPoisonous, 5, 10);
  client.submit(3, 2, 9, 40);
  REQUIRE(client.result(2).failure);
  CHECK(client.result(2).failure->code == "generation_failed");
  CHECK(client.result(2).tokens.empty());
  CHECK(client.result(1).tokens == counting(5, 40));
  CHECK(client.result(3).tokens == counting(9, 40));
  client.submit(4, 1, 7, 10);
  CHECK(client.result(4).tokens == counting(7, 10));
}

// The step after the poisoned one is launched before that is read, and is poisoned too: its error
// must not be taken for the engine's.
TEST_CASE("requests whose every step fails where MLX computes do not end the engine") {
  std::atomic<bool> poison{false};
  Client client(poisoned_from(kPoisonous, poison));
  for (RequestId id = 1; id <= 120; ++id) {
    client.submit(id, kPoisonous, 5, 10);
    REQUIRE(client.result(id).failure);
    CHECK(client.result(id).failure->code == "generation_failed");
  }
  client.submit(121, 1, 7, 10);
  CHECK(client.result(121).tokens == counting(7, 10));
  // MLX waits for an operation to end once it counts more than ten: for ever, where
  // none is left.
  client.engine.close();
  CHECK(mx::scheduler::n_active_tasks() == 0);
}

// The error of the step in flight must not be met where the engine shows that it still computes.
TEST_CASE("a step that cannot be built while the one before it fails ends no engine") {
  std::atomic<bool> poison{false};
  const auto reaches = [](const Step& step, int length) {
    return std::ranges::any_of(step.segments,
                               [&](const Segment& s) { return s.offset + s.length >= length; });
  };
  Client client(Behaviour{
      .on_forward =
          [&](const Step& step) {
            if (reaches(step, kPoisonous + 1)) throw std::runtime_error("boom");
            poison = reaches(step, kPoisonous);
          },
      .change_logits =
          [&](const mx::array& logits) { return poison ? poisoned_late(logits) : logits; }});
  for (RequestId id = 1; id <= 30; id += 3) {
    client.submit(id, 1, 5, 20);
    client.submit(id + 1, 2, 9, 20);
    client.submit(id + 2, kPoisonous, 5, 10);
    REQUIRE(client.result(id + 2).failure);
    CHECK(client.result(id + 2).failure->code == "generation_failed");
    CHECK(client.result(id).tokens == counting(5, 20));
    CHECK(client.result(id + 1).tokens == counting(9, 20));
  }
  CHECK(client.engine.stats().state == EngineState::ready);
}

// As where keeping one computes: MLX throws there what went wrong in the step in flight.
TEST_CASE("a throw while a prefix is kept costs nobody a token") {
  Gate gate;
  std::atomic<bool> fails{true};
  Client client(Behaviour{.on_forward = [&](const Step&) { gate.pass(); },
                          .on_prefix =
                              [&] {
                                if (fails.exchange(false)) throw std::runtime_error("boom");
                              }},
                {.prefix_cache = 1 << 20});
  client.submit(1, 20, 1, 15);
  gate.await_arrival();
  for (RequestId id : {2, 3}) client.submit(id, 20, static_cast<Token>(id), 15);
  gate.open();
  for (RequestId id : {1, 2, 3}) {
    CHECK(client.result(id).tokens == counting(static_cast<Token>(id), 15));
  }
  CHECK(!fails);
  client.submit(4, 20, 7, 15);
  CHECK(client.result(4).tokens == counting(7, 15));
  CHECK(client.result(4).reused == 19);
  CHECK(client.engine.stats().failures == 1);
}

TEST_CASE(
    "faults of every kind at any time: a request fails or gets its tokens, the engine goes on") {
  std::mt19937 random(7);  // of the engine thread
  std::atomic<bool> quiet{false}, poison{false};
  const auto falls = [&](unsigned one_in) { return !quiet && random() % one_in == 0; };
  const auto is_probe = [](const Step& step) {
    return step.segments.size() == 1 && step.segments[0].offset + step.segments[0].length == 1;
  };
  Client client(Behaviour{.on_forward =
                              [&](const Step& step) {
                                const bool spared = is_probe(step);
                                poison = !spared && falls(15);
                                if (!spared && falls(15)) throw std::runtime_error("boom");
                              },
                          .change_logits =
                              [&](const mx::array& logits) {
                                if (!poison) return logits;
                                return random() % 2 ? poisoned(logits) : poisoned_late(logits);
                              },
                          .on_prefix =
                              [&] {
                                if (falls(30)) throw std::runtime_error("boom");
                              }},
                {.prefill_chunk = 8, .prefix_cache = 1 << 20});
  constexpr RequestId kRequests = 90;
  for (RequestId id = 1; id <= kRequests; ++id) {
    std::vector<Token> prompt(2 + id * 7 % 30, 1);
    prompt.back() = static_cast<Token>(id % kVocab);
    Request request{id, prompt, {.temperature = 0}, 20, {}};
    if (id % 5 == 0) request.prompt_logprobs = 1;
    REQUIRE(client.engine.submit(std::move(request)));
  }
  int failed = 0;
  for (RequestId id = 1; id <= kRequests; ++id) {
    CAPTURE(id);
    const Outcome& outcome = client.result(id);
    const auto expected = counting(static_cast<Token>(id % kVocab), 20);
    CHECK(outcome.last_events == 1);
    CHECK(std::ranges::equal(outcome.tokens, std::span(expected).first(outcome.tokens.size())));
    if (!outcome.failure) {
      CHECK(outcome.tokens.size() == expected.size());
      CHECK(outcome.prompt_scores.size() == (id % 5 == 0 ? 1 + id * 7 % 30 : 0));
    } else {
      CHECK(outcome.failure->code == "generation_failed");
      ++failed;
    }
  }
  CHECK(failed < int(kRequests));
  quiet = true;
  client.submit(kRequests + 1, 3, 5, 20);
  CHECK(client.result(kRequests + 1).tokens == counting(5, 20));
  CHECK(client.engine.stats().state == EngineState::ready);
}

TEST_CASE("an engine that cannot compute any more fails its requests, says why, and ends") {
  std::atomic<int> forwards{0};
  Client client(Behaviour{.on_forward = [&](const Step&) {
    if (++forwards > 10) throw std::runtime_error("the device is gone");
  }});
  for (RequestId id = 1; id <= 3; ++id) client.submit(id, 2, 5, 50);
  for (RequestId id = 1; id <= 3; ++id) REQUIRE(client.result(id).failure);
  client.until([&] { return client.closed; });
  for (RequestId id = 1; id <= 3; ++id) {
    CHECK(client.outcomes[id].last_events == 1);
    CHECK(client.outcomes[id].failure->message.find("the device is gone") != std::string::npos);
  }
  CHECK(client.outcomes[3].failure->code == "engine_failed");
  CHECK(client.engine.stats().state == EngineState::failed);
  CHECK(client.engine.stats().last_error.find("the device is gone") != std::string::npos);
  CHECK(!client.engine.submit({4, {1}, {}, 1, {}}));
}

TEST_CASE("a full queue refuses") {
  Gate gate;
  Client client(Behaviour{.on_forward = [&](const Step&) { gate.pass(); }},
                {.max_sequences = 1, .max_queue = 1});
  client.submit(1, 2, 5, 5);
  gate.await_arrival();
  for (RequestId id : {2, 3}) client.submit(id, 2, 5, 5);
  gate.open();
  CHECK(client.result(3).failure->code == "queue_full");
  for (RequestId id : {1, 2}) CHECK(client.result(id).tokens == counting(5, 5));
}
