// Replies that follow a grammar: each token is one that it allows after the tokens before it, also
// when steps are one ahead, fail, or hold rows without a grammar.
#include <atomic>

#include "engine/client.h"
#include "grammar/grammar.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

constexpr Token kStop = kVocab - 1;

/// After token t comes t + `stride` (mod 30) alone, `length` times; then the stop token.
class StrideGrammar final : public Grammar {
 public:
  StrideGrammar(Token start, int stride, int length)
      : start_(start), stride_(stride), length_(length) {}

  std::unique_ptr<Constraint> begin() const override;
  size_t mask_words() const override { return 1; }

  Token token(int at) const {
    return at == length_ ? kStop : (start_ + (at + 1) * stride_) % (kVocab - 2);
  }

 private:
  Token start_;
  int stride_, length_;
};

class StrideConstraint final : public Constraint {
 public:
  explicit StrideConstraint(const StrideGrammar& grammar) : grammar_(grammar) {}

  void mask(std::span<uint32_t> words) override {
    if (last_ == kStop) throw GrammarError("nothing comes after the end");
    words[0] = 1u << grammar_.token(taken_);
  }

  std::vector<Token> forced(size_t) override { return {}; }

  bool accept(Token token) override {
    if (token != grammar_.token(taken_)) return false;
    ++taken_;
    last_ = token;
    return true;
  }

 private:
  const StrideGrammar& grammar_;
  int taken_ = 0;
  Token last_ = -1;
};

std::unique_ptr<Constraint> StrideGrammar::begin() const {
  return std::make_unique<StrideConstraint>(*this);
}

/// Gives up after three tokens.
class ShortGrammar final : public Grammar {
  class Fails final : public Constraint {
    void mask(std::span<uint32_t> words) override {
      if (taken_ == 3) throw GrammarError("too costly");
      words[0] = 0xff;
    }
    std::vector<Token> forced(size_t) override { return {}; }
    bool accept(Token) override { return ++taken_ > 0; }
    int taken_ = 0;
  };

 public:
  std::unique_ptr<Constraint> begin() const override { return std::make_unique<Fails>(); }
  size_t mask_words() const override { return 1; }
};

void submit(Client& client, RequestId id, int length, int max_tokens,
            std::shared_ptr<const Grammar> grammar) {
  Request request{id,
                  std::vector<Token>(static_cast<size_t>(length), 5),
                  {.temperature = 0},
                  max_tokens,
                  {kStop}};
  request.grammar = std::move(grammar);
  REQUIRE(client.engine.submit(std::move(request)));
}

std::vector<Token> strides(Token start, int stride, int count) {
  std::vector<Token> tokens;
  for (int i = 1; i <= count; ++i) tokens.push_back((start + i * stride) % (kVocab - 2));
  return tokens;
}

}  // namespace

TEST_CASE("a reply is what its grammar allows, and ends where that ends") {
  Client client(Behaviour{});
  submit(client, 1, 7, 40, std::make_shared<StrideGrammar>(3, 7, 12));
  CHECK(client.result(1).tokens == strides(3, 7, 12));
  CHECK(client.result(1).finish == Finish::stop);
}

TEST_CASE("the token limit cuts a grammar short") {
  Client client(Behaviour{});
  submit(client, 1, 7, 5, std::make_shared<StrideGrammar>(3, 7, 12));
  CHECK(client.result(1).tokens == strides(3, 7, 5));
  CHECK(client.result(1).finish == Finish::length);
}

TEST_CASE("rows with grammars and without share steps and know nothing of each other") {
  Client client(Behaviour{}, {.prefill_chunk = 8});
  submit(client, 1, 20, 30, std::make_shared<StrideGrammar>(0, 11, 25));
  client.submit(2, 9, 4, 30);
  submit(client, 3, 3, 30, std::make_shared<StrideGrammar>(9, 13, 20));
  client.submit(4, 30, 6, 20);
  CHECK(client.result(1).tokens == strides(0, 11, 25));
  CHECK(client.result(2).tokens == counting(4, 30));
  CHECK(client.result(3).tokens == strides(9, 13, 20));
  CHECK(client.result(4).tokens == counting(6, 20));
}

TEST_CASE("one grammar serves several replies at once") {
  Client client(Behaviour{});
  const auto grammar = std::make_shared<StrideGrammar>(1, 3, 10);
  for (RequestId id = 1; id <= 5; ++id) submit(client, id, 1 + static_cast<int>(id), 20, grammar);
  for (RequestId id = 1; id <= 5; ++id) CHECK(client.result(id).tokens == strides(1, 3, 10));
}

TEST_CASE("a grammar that fails ends its own reply, with its reason") {
  Client client(Behaviour{});
  submit(client, 1, 4, 20, std::make_shared<ShortGrammar>());
  client.submit(2, 4, 5, 20);
  submit(client, 3, 4, 20, std::make_shared<StrideGrammar>(2, 5, 9));
  REQUIRE(client.result(1).failure);
  CHECK(client.result(1).failure->code == "grammar_failed");
  CHECK(client.result(1).failure->message == "too costly");
  CHECK(client.result(1).tokens.size() == 3);
  CHECK(client.result(2).tokens == counting(5, 20));
  CHECK(client.result(3).tokens == strides(2, 5, 9));
  CHECK(client.engine.stats().state == EngineState::ready);
}

TEST_CASE("steps that fail cost a grammar nothing") {
  std::atomic<int> throws{4};
  Client client(Behaviour{.on_forward = [&](const Step& step) {
    if (step.segments.size() == 3 && throws-- > 0) throw std::runtime_error("boom");
  }});
  submit(client, 1, 1, 40, std::make_shared<StrideGrammar>(0, 7, 30));
  client.submit(2, 1, 6, 50);
  submit(client, 3, 12, 40, std::make_shared<StrideGrammar>(4, 3, 30));
  CHECK(client.result(1).tokens == strides(0, 7, 30));
  CHECK(client.result(2).tokens == counting(6, 50));
  CHECK(client.result(3).tokens == strides(4, 3, 30));
}

TEST_CASE("a reply that goes on has its beginning in its prompt") {
  Client client(Behaviour{});
  std::vector<Token> prompt(6, 5);
  const auto begun = strides(3, 7, 4);
  prompt.insert(prompt.end(), begun.begin(), begun.end());
  Request request{1, prompt, {.temperature = 0}, 40, {kStop}};
  request.grammar = std::make_shared<StrideGrammar>(3, 7, 12);
  request.replied = 4;
  REQUIRE(client.engine.submit(request));
  const auto whole = strides(3, 7, 12);
  CHECK(client.result(1).tokens == std::vector<Token>(whole.begin() + 4, whole.end()));
  CHECK(client.result(1).finish == Finish::stop);
}
