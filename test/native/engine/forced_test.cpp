// Runs of tokens that a grammar forces: they are computed together, and the reply is the one that
// comes when each is sampled. Requests that want log-probabilities sample them.
#include <atomic>

#include "engine/client.h"
#include "grammar/grammar.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

constexpr Token kStop = kVocab - 1;
constexpr Token kWords = kVocab - 2;
constexpr int kPeriod = 6;

/// A free token below kWords, then five that follow from it, and so on, `length` in all; then the
/// stop token.
class RunsGrammar final : public Grammar {
 public:
  explicit RunsGrammar(int length) : length_(length) {}
  std::unique_ptr<Constraint> begin() const override;
  size_t mask_words() const override { return 1; }
  int length() const { return length_; }

 private:
  int length_;
};

class RunsConstraint final : public Constraint {
 public:
  explicit RunsConstraint(int length) : length_(length) {}

  void mask(std::span<uint32_t> words) override {
    const auto run = forced(1);
    words[0] = taken_ == length_ ? 1u << kStop : run.empty() ? (1u << kWords) - 1 : 1u << run[0];
  }

  std::vector<Token> forced(size_t most) override {
    std::vector<Token> run;
    for (int at = taken_; at < length_ && at % kPeriod != 0 && run.size() < most; ++at) {
      run.push_back((first_ + at * 7) % kWords);
    }
    return run;
  }

  bool accept(Token token) override {
    const auto run = forced(1);
    if (!run.empty() && token != run[0]) return false;
    if (taken_ % kPeriod == 0) first_ = token;
    ++taken_;
    return true;
  }

 private:
  int length_;
  int taken_ = 0;
  Token first_ = 0;
};

std::unique_ptr<Constraint> RunsGrammar::begin() const {
  return std::make_unique<RunsConstraint>(length_);
}

Request request(RequestId id, SamplingParams sampling, int length, int max_tokens = 60) {
  Request asked{id, std::vector<Token>(3, 5), std::move(sampling), max_tokens, {kStop}};
  asked.grammar = std::make_shared<RunsGrammar>(length);
  return asked;
}

/// What comes when every token is sampled.
std::vector<Token> sampled(SamplingParams sampling, int length, int max_tokens = 60) {
  Client client(Behaviour{.peak = 2});
  sampling.logprobs = 0;
  REQUIRE(client.engine.submit(request(1, std::move(sampling), length, max_tokens)));
  return client.result(1).tokens;
}

}  // namespace

TEST_CASE("forced tokens are computed in one step with the token before them") {
  std::vector<int> lengths;
  Client client(Behaviour{
      .on_forward = [&](const Step& step) { lengths.push_back(step.segments.at(0).length); }});
  REQUIRE(client.engine.submit(request(1, {.temperature = 0}, 18)));
  CHECK(client.result(1).tokens.size() == 18);
  CHECK(client.result(1).finish == Finish::stop);
  // The prompt, then for each run the free token, from which the first is known, and the run.
  REQUIRE(lengths.size() >= 7);
  CHECK(std::vector(lengths.begin(), lengths.begin() + 7) == std::vector{3, 1, 5, 1, 5, 1, 5});
}

TEST_CASE("a reply is the same whether its forced tokens are sampled or not") {
  const std::vector<SamplingParams> all = {
      {.temperature = 0},
      {.temperature = 1.3f, .seed = 7},
      {.temperature = 1, .seed = 8, .repetition_penalty = 1.4f, .repetition_window = 4},
      {.temperature = 1, .seed = 9, .presence_penalty = 1, .frequency_penalty = 0.5f},
  };
  for (const SamplingParams& sampling : all) {
    Client client(Behaviour{.peak = 2});
    REQUIRE(client.engine.submit(request(1, sampling, 32)));
    client.submit(2, 4, 6, 30);
    REQUIRE(client.engine.submit(request(3, sampling, 11)));
    CHECK(client.result(1).tokens == sampled(sampling, 32));
    CHECK(client.result(2).tokens.size() == 30);
    CHECK(client.result(3).tokens == sampled(sampling, 11));
  }
}

TEST_CASE("the token limit cuts a run where it falls") {
  const auto whole = sampled({.temperature = 0}, 20);
  for (int limit = 1; limit <= 14; ++limit) {
    CAPTURE(limit);
    Client client(Behaviour{.peak = 2});
    REQUIRE(client.engine.submit(request(1, {.temperature = 0}, 20, limit)));
    CHECK(client.result(1).tokens == std::vector<Token>(whole.begin(), whole.begin() + limit));
    CHECK(client.result(1).finish == Finish::length);
    CHECK(client.engine.stats().generated_tokens == limit);
  }
}

TEST_CASE("a stop token inside a run ends the reply") {
  const auto whole = sampled({.temperature = 0}, 20);
  Client client(Behaviour{.peak = 2});
  Request asked = request(1, {.temperature = 0}, 20);
  asked.stop_tokens = {kStop, whole[9]};
  REQUIRE(client.engine.submit(asked));
  const auto end = std::find(whole.begin(), whole.end(), whole[9]);
  CHECK(client.result(1).tokens == std::vector<Token>(whole.begin(), end));
  CHECK(client.result(1).finish == Finish::stop);
}

TEST_CASE("steps that fail cost a run nothing") {
  std::atomic<int> throws{5};
  Client client(Behaviour{.peak = 2, .on_forward = [&](const Step& step) {
                            const bool has_run =
                                std::ranges::any_of(step.segments, [](const Segment& segment) {
                                  return segment.length == kPeriod - 1;
                                });
                            if (has_run && step.segments.size() == 2 && throws-- > 0)
                              throw std::runtime_error("boom");
                          }});
  const SamplingParams sampling{.temperature = 1, .seed = 5};
  REQUIRE(client.engine.submit(request(1, sampling, 40)));
  client.submit(2, 1, 6, 50);
  CHECK(client.result(1).tokens == sampled(sampling, 40));
  CHECK(client.result(2).tokens.size() == 50);
  CHECK(throws < 5);
}
