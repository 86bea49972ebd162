// What the engine computes again and what it does not: prefixes of finished, cancelled and
// concurrent requests. On a model without a checkpoint.
#include <atomic>
#include <mutex>
#include <random>

#include "engine/client.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

constexpr size_t kPlenty = size_t{1} << 30;

std::vector<Token> numbers(int from, int count) {
  std::vector<Token> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back((from + i) % kVocab);
  return tokens;
}

/// An engine that keeps prefixes, and counts the tokens that its model computes.
struct Reusing {
  std::atomic<int> computed{0};
  std::function<void(const Step&)> on_forward = {};
  Client client;

  explicit Reusing(EngineOptions options = {}, int token_bytes = 8)
      : client(Behaviour{.on_forward =
                             [this](const Step& step) {
                               computed += step.tokens.shape(0);
                               if (on_forward) on_forward(step);
                             },
                         .token_bytes = token_bytes},
               keeping(options)) {}

  static EngineOptions keeping(EngineOptions options) {
    options.prefix_cache = options.prefix_cache.value_or(kPlenty);
    return options;
  }

  void submit(RequestId id, std::vector<Token> tokens, int max_tokens, std::string salt = {}) {
    Request request{id, std::move(tokens), {.temperature = 0}, max_tokens, {}};
    request.salt = std::move(salt);
    REQUIRE(client.engine.submit(std::move(request)));
  }
};

}  // namespace

TEST_CASE("a prompt that comes again is computed once, but for its last token") {
  Reusing engine;
  engine.submit(1, numbers(3, 40), 5);
  const auto first = engine.client.result(1);
  CHECK(first.reused == 0);
  engine.computed = 0;
  engine.submit(2, numbers(3, 40), 5);
  const auto second = engine.client.result(2);
  CHECK(second.reused == 39);
  CHECK(second.tokens == first.tokens);
  CHECK(engine.computed == 5);
}

TEST_CASE("the next turn begins with prompt and reply of the one before") {
  Reusing engine;
  engine.submit(1, numbers(3, 20), 10);
  std::vector<Token> turn = numbers(3, 20);
  const auto reply = engine.client.result(1).tokens;
  turn.insert(turn.end(), reply.begin(), reply.end());
  turn.insert(turn.end(), {7, 8, 9});
  engine.submit(2, turn, 4);
  CHECK(engine.client.result(2).reused == 29);  // the reply's last token was never computed
  CHECK(engine.client.result(2).tokens == counting(9, 4));
  engine.client.engine.close();
  const PrefixStats stats = engine.client.engine.stats().prefixes;
  CHECK(stats.lookups == 2);
  CHECK(stats.hits == 1);
  CHECK(stats.reused_tokens == 29);
  CHECK(stats.bytes > 0);
}

TEST_CASE("prompts share what they have in common, and only among one salt") {
  Reusing engine;
  auto other = numbers(3, 40);
  other[25] = 0;
  engine.submit(1, numbers(3, 40), 2, "alice");
  engine.client.result(1);
  engine.submit(2, other, 2, "alice");
  CHECK(engine.client.result(2).reused == 25);
  engine.submit(3, other, 2, "bob");
  CHECK(engine.client.result(3).reused == 0);
  engine.submit(4, other, 2);
  CHECK(engine.client.result(4).reused == 0);
}

TEST_CASE("what a cancelled prompt had computed is kept") {
  Gate gate;
  Reusing engine({.prefill_chunk = 8});
  int steps = 0;
  engine.on_forward = [&](const Step&) {
    if (++steps == 4) gate.pass();
  };
  engine.submit(1, numbers(3, 50), 5);
  gate.await_arrival();
  engine.client.engine.cancel(1);
  gate.open();
  CHECK(engine.client.result(1).finish == Finish::cancelled);
  engine.submit(2, numbers(3, 50), 5);
  CHECK(engine.client.result(2).reused >= 24);
  CHECK(engine.client.result(2).tokens == counting(52 % kVocab, 5));
}

TEST_CASE("what one request is computing is not computed by another") {
  Gate gate;
  Reusing engine;
  std::atomic<bool> first{true};
  engine.on_forward = [&](const Step&) {
    if (first.exchange(false)) gate.pass();
  };
  engine.submit(1, numbers(3, 50), 4);
  gate.await_arrival();
  for (RequestId id = 2; id <= 5; ++id) engine.submit(id, numbers(3, 50), 4);
  engine.submit(6, numbers(9, 10), 4);  // has nothing in common: does not wait
  gate.open();
  for (RequestId id = 1; id <= 5; ++id) {
    CHECK(engine.client.result(id).tokens == counting(52 % kVocab, 4));
    CHECK(engine.client.result(id).reused == (id == 1 ? 0 : 49));
  }
  CHECK(engine.client.result(6).tokens == counting(18, 4));
  CHECK(engine.computed == (50 + 4 * 1) + 10 + 6 * 3);
}

TEST_CASE("random chats give the same with and without the prefix cache") {
  std::mt19937 random(7);
  std::vector<std::vector<Token>> prompts;
  for (int i = 0; i < 40; ++i) {
    auto prompt = prompts.empty() || random() % 3 == 0 ? std::vector<Token>{}
                                                       : prompts[random() % prompts.size()];
    prompt.resize(prompt.size() - (prompt.empty() ? 0 : random() % prompt.size()));
    const size_t more = 1 + random() % 20;
    for (size_t j = 0; j < more; ++j) prompt.push_back(static_cast<Token>(random() % kVocab));
    prompt.resize(std::min<size_t>(prompt.size(), kContext - 12));
    prompts.push_back(prompt);
  }
  Reusing engine({.max_sequences = 4, .prefill_chunk = 8, .prefix_cache = 100 * 8});
  for (RequestId id = 1; id <= prompts.size(); ++id) {
    engine.submit(id, prompts[id - 1], 10);
    if (random() % 4 == 0) engine.client.engine.cancel(1 + random() % id);
  }
  for (RequestId id = 1; id <= prompts.size(); ++id) {
    const Outcome& outcome = engine.client.result(id);
    const auto expected = counting(prompts[id - 1].back(), 10);
    REQUIRE(outcome.tokens.size() <= expected.size());
    CHECK(std::equal(outcome.tokens.begin(), outcome.tokens.end(), expected.begin()));
    CHECK((outcome.finish == Finish::cancelled || outcome.tokens.size() == 10));
  }
  engine.client.engine.close();
  CHECK(engine.client.engine.stats().prefixes.hits > 0);
  CHECK(engine.client.engine.stats().prefixes.evictions > 0);
}
