// Streams that join, leave and fail at random: each gets what it would get alone.
#include <atomic>
#include <random>

#include "engine/client.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

struct Asked {
  int length;
  Token last;
  int max_tokens;
};

Asked any_request(std::mt19937& random) {
  const int length = 1 + static_cast<int>(random() % 50);
  return {length, static_cast<Token>(random() % kVocab), 1 + static_cast<int>(random() % 40)};
}

/// The tokens of the request alone: the counting model's, up to the context.
std::vector<Token> alone(const Asked& asked) {
  return counting(asked.last, std::min(asked.max_tokens, kContext - asked.length));
}

void check(const Outcome& outcome, const Asked& asked) {
  const auto expected = alone(asked);
  CHECK(outcome.last_events == 1);
  CHECK(!outcome.failure);
  if (outcome.finish == Finish::cancelled) {
    REQUIRE(outcome.tokens.size() <= expected.size());
    CHECK(std::equal(outcome.tokens.begin(), outcome.tokens.end(), expected.begin()));
  } else {
    CHECK(outcome.tokens == expected);
  }
}

/// Keeps about ten requests going, cancels some; one step in `fails_one_in` throws.
void run_mix(unsigned seed, unsigned fails_one_in) {
  std::mt19937 random(seed), fate(seed + 1);
  Client client(Behaviour{.on_forward =
                              [&](const Step& step) {
                                if (step.segments.size() > 1 && fate() % fails_one_in == 0) {
                                  throw std::runtime_error("boom");
                                }
                              }},
                {.max_sequences = 6, .prefill_chunk = 16});
  std::map<RequestId, Asked> asked;
  for (RequestId id = 1; id <= 80; ++id) {
    asked[id] = any_request(random);
    client.submit(id, asked[id].length, asked[id].last, asked[id].max_tokens);
    if (random() % 4 == 0) client.engine.cancel(1 + static_cast<RequestId>(random() % id));
    if (id > 10) client.result(id - 10);
  }
  for (const auto& [id, request] : asked) check(client.result(id), request);
}

}  // namespace

TEST_CASE("under a random mix of joins, leaves and cancels each stream is what it is alone") {
  for (unsigned seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    run_mix(seed, 1000000);
  }
}

TEST_CASE("and so it is when steps fail at random") {
  for (unsigned seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    run_mix(seed, 8);
  }
}
