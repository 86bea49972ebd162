// Log-probabilities of a prompt: all of them, once, in order, whatever the steps and whoever else
// runs. On a model without a checkpoint.
#include <atomic>
#include <cmath>

#include "engine/client.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

constexpr float kPeak = 3;

/// What the model gives to the number that follows, and to each other one.
const double kAll = std::log(std::exp(double{kPeak}) + kVocab - 1);

std::vector<Token> prompt_of(int length) {
  std::vector<Token> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back((i * i) % kVocab);
  return tokens;
}

Request scoring(RequestId id, std::vector<Token> tokens, int best = 2) {
  Request request{id, std::move(tokens), {.temperature = 0}, 2, {}};
  request.prompt_logprobs = best;
  return request;
}

void check(const Outcome& outcome, const std::vector<Token>& prompt) {
  CHECK(outcome.finish == Finish::length);
  REQUIRE(outcome.prompt_scores.size() == prompt.size() - 1);
  for (size_t i = 0; i + 1 < prompt.size(); ++i) {
    const auto& scores = outcome.prompt_scores[i];
    const Token favoured = (prompt[i] + 1) % kVocab;
    REQUIRE(scores.size() == 3);
    CHECK(scores[0].token == prompt[i + 1]);
    const double expected = (prompt[i + 1] == favoured ? kPeak : 0) - kAll;
    CHECK(scores[0].logprob == doctest::Approx(expected).epsilon(1e-5));
    CHECK(scores[1].token == favoured);
    CHECK(scores[1].logprob == doctest::Approx(kPeak - kAll).epsilon(1e-5));
  }
}

}  // namespace

TEST_CASE("a prompt's tokens are scored once each, in order, however it is cut") {
  for (const int chunk : {1, 3, 16, 512}) {
    CAPTURE(chunk);
    Client client(Behaviour{.peak = kPeak}, {.prefill_chunk = chunk});
    const auto prompt = prompt_of(40);
    REQUIRE(client.engine.submit(scoring(1, prompt)));
    check(client.result(1), prompt);
    CHECK(client.result(1).tokens == counting(prompt.back(), 2));
  }
}

TEST_CASE("the head sees few positions of a prompt at once") {
  std::atomic<int> most{0};
  std::atomic<int> rows{0};
  Client client(Behaviour{.peak = kPeak, .on_logits = [&](int count) {
                            rows += count;
                            most = std::max(most.load(), count);
                          }});
  REQUIRE(client.engine.submit(scoring(1, prompt_of(60))));
  client.result(1);
  CHECK(rows == 59 + 2);
  CHECK(most <= 64);
}

TEST_CASE("a prompt of one token has no scores, and one that is not asked for neither") {
  Client client(Behaviour{.peak = kPeak});
  REQUIRE(client.engine.submit(scoring(1, {5})));
  CHECK(client.result(1).prompt_scores.empty());
  client.submit(2, 10, 3, 2);
  CHECK(client.result(2).prompt_scores.empty());
}

TEST_CASE("a prompt is scored whole though its prefix is kept, and is kept for others") {
  Client client(Behaviour{.peak = kPeak, .token_bytes = 8}, {.prefix_cache = size_t{1} << 30});
  const auto prompt = prompt_of(40);
  REQUIRE(client.engine.submit(scoring(1, prompt)));
  check(client.result(1), prompt);
  REQUIRE(client.engine.submit(scoring(2, prompt)));
  check(client.result(2), prompt);
  CHECK(client.result(2).reused == 0);
  REQUIRE(client.engine.submit({3, prompt, {.temperature = 0}, 2, {}}));
  CHECK(client.result(3).reused == 39);
}

TEST_CASE("scores are the same in company, and after a step that failed") {
  std::atomic<int> forwards{0};
  Client client(Behaviour{.peak = kPeak,
                          .on_forward =
                              [&](const Step&) {
                                if (++forwards == 4) throw std::runtime_error("fault");
                              }},
                {.prefill_chunk = 8});
  client.submit(1, 20, 7, 20);
  const auto first = prompt_of(40);
  const auto second = prompt_of(25);
  REQUIRE(client.engine.submit(scoring(2, first)));
  REQUIRE(client.engine.submit(scoring(3, second)));
  check(client.result(2), first);
  check(client.result(3), second);
  CHECK(client.result(1).tokens == counting(7, 20));
}

TEST_CASE("more best tokens than are reported fail their request alone") {
  Client client(Behaviour{});
  REQUIRE(client.engine.submit(scoring(1, {1, 2}, kMaxLogprobs + 1)));
  CHECK(client.result(1).failure->code == "invalid_request");
}
