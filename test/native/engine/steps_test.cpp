// How the engine steps: chunks, one step ahead, cancels taken between steps.
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

TEST_CASE("who comes while a long prompt is computed joins its next step") {
  Gate gate;
  Steps steps;
  Client client(Behaviour{.on_forward =
                              [&](const Step& step) {
                                steps.record(step);
                                if (steps.all().size() == 2) gate.pass();
                              }},
                {.prefill_chunk = 8});
  client.submit(1, 40, 5, 3);
  gate.await_arrival();
  client.submit(2, 3, 9, 3);
  gate.open();
  CHECK(client.result(2).tokens == counting(9, 3));
  CHECK(client.result(1).tokens == counting(5, 3));
  CHECK(steps.all()[2] == Steps::Segments{{0, 3}});
  CHECK(steps.all()[3] == Steps::Segments{{3, 1}, {16, 8}});
}

TEST_CASE("a short request's first token does not wait for the long prompt's next part") {
  Gate comes, part;
  Steps steps;
  Client client(Behaviour{.on_forward =
                              [&](const Step& step) {
                                steps.record(step);
                                if (steps.all().size() == 2) comes.pass();
                                if (steps.all().size() == 4) part.pass();
                              }},
                {.prefill_chunk = 8});
  client.submit(1, 40, 5, 3);
  comes.await_arrival();
  client.submit(2, 3, 9, 3);
  comes.open();
  part.await_arrival();
  CHECK(steps.all()[2] == Steps::Segments{{0, 3}});
  CHECK(steps.all()[3] == Steps::Segments{{3, 1}, {16, 8}});
  client.drain();
  CHECK(client.outcomes[2].tokens == counting(9, 1));
  part.open();
  CHECK(client.result(1).tokens == counting(5, 3));
}

TEST_CASE("penalties reach the next token at once, one step ahead as all, alone and in company") {
  // After t the model gives t + 1 the logit 2 and all others 0; a bias makes 9 as good as certain
  // until its count has cost it 3.
  const auto ask = [](RequestId id) {
    Request request{id, {1, 2, 3}, {.temperature = 0}, 6, {}};
    request.sampling.logit_bias = {{9, 4.5f}};
    request.sampling.frequency_penalty = 1;
    return request;
  };
  for (const auto choice : {"auto", "mlx"}) {
    Client client(Behaviour{.peak = 2}, {.kernels = choice});
    REQUIRE(client.engine.submit(ask(1)));
    CHECK(client.result(1).tokens == std::vector<Token>{9, 9, 9, 10, 11, 12});
    for (RequestId id = 2; id < 6; ++id) REQUIRE(client.engine.submit(ask(id)));
    client.submit(6, 5, 7, 6);
    for (RequestId id = 2; id < 6; ++id)
      CHECK(client.result(id).tokens == client.outcomes[1].tokens);
    CHECK(client.result(6).tokens == counting(7, 6));
  }
}

TEST_CASE("sampling parameters that cannot be served fail their request alone") {
  Client client(Behaviour{});
  std::vector<SamplingParams> bad(5);
  bad[0].logit_bias = {{kVocab, 1}};
  bad[1].logit_bias = {{-1, 1}};
  bad[2].logprobs = 21;
  bad[3].repetition_penalty = 0;
  bad[4].top_p = 1.5f;
  for (size_t i = 0; i < bad.size(); ++i) {
    const auto id = static_cast<RequestId>(i + 1);
    REQUIRE(client.engine.submit({id, {1}, bad[i], 3, {}}));
    REQUIRE(client.result(id).failure);
    CHECK(client.result(id).failure->code == "invalid_request");
  }
  client.submit(9, 5, 7, 3);
  CHECK(client.result(9).tokens == counting(7, 3));
}
