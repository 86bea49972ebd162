// What throws in a step fails the request at fault and no other; an engine that cannot compute any
// more says so and ends.
#include <algorithm>
#include <atomic>

#include "engine/client.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

/// Throws on the thread that MLX computes on, not where the graph is built: the inverse of a
/// singular matrix.
mx::array poisoned(const mx::array& logits) {
  return mx::add(logits, mx::sum(mx::linalg::inv(mx::zeros({2, 2}), mx::Device::cpu)));
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
  for (RequestId id = 1; id <= 40; ++id) {
    client.submit(id, kPoisonous, 5, 10);
    REQUIRE(client.result(id).failure);
    CHECK(client.result(id).failure->code == "generation_failed");
  }
  client.submit(41, 1, 7, 10);
  CHECK(client.result(41).tokens == counting(7, 10));
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
