// The corpus of test/fixtures/grammar: the grammars that the program makes of schemas and of
// tool-call formats take each text that fits, token by token, and stop each that does not.
#include <optional>

#include "doctest/doctest.h"
#include "grammar/vocabularies.h"
#include "loader/json_file.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

const std::filesystem::path kModel = "models/SmolLM2-135M-Instruct-4bit/tokenizer.json";

json::Value read(const char* name) {
  return read_json_file(std::filesystem::path("test/fixtures/grammar") / name, 1 << 22);
}

const std::string& text_of(const json::Object& from, const char* key) {
  return *from.find(key)->as<std::string>();
}

std::vector<std::string> texts_of(const json::Value& list) {
  std::vector<std::string> texts;
  for (const json::Value& item : *list.as<json::Array>()) texts.push_back(*item.as<std::string>());
  return texts;
}

/// Whether the grammar takes the tokens and may end after them; masks and acceptance must agree.
bool takes(const Grammar& grammar, const std::vector<Token>& tokens, Token end) {
  const auto constraint = grammar.begin();
  std::vector<uint32_t> words(grammar.mask_words());
  const auto allows = [&](Token token) {
    constraint->mask(words);
    return (words[static_cast<size_t>(token) / 32] >> (token % 32) & 1) != 0;
  };
  for (Token token : tokens) {
    const bool allowed = allows(token);
    CHECK(constraint->accept(token) == allowed);
    if (!allowed) return false;
  }
  return allows(end);
}

/// The same however the text is cut into tokens.
void check(const Grammar& grammar, const Tokens& tokens, const std::string& text, bool fits) {
  CAPTURE(text);
  std::mt19937 random(7);
  CHECK(takes(grammar, tokens.cut(text), tokens.end()) == fits);
  for (int i = 0; i < 2; ++i) {
    CHECK(takes(grammar, tokens.cut(text, &random), tokens.end()) == fits);
  }
}

std::shared_ptr<const Grammar> compiled(const GrammarCompiler& compiler, const json::Object& from) {
  try {
    return compiler.compile(text_of(from, "grammar"));
  } catch (const GrammarError& error) {
    FAIL_CHECK(text_of(from, "name") << ": " << error.what());
    return nullptr;
  }
}

void check_texts(const char* file, const Tokens& tokens) {
  const auto compiler = GrammarCompiler::make(tokens.vocabulary);
  const json::Value cases = read(file);
  for (const json::Value& item : *cases.as<json::Array>()) {
    const auto& one = *item.as<json::Object>();
    CAPTURE(text_of(one, "name"));
    const auto grammar = compiled(*compiler, one);
    if (!grammar) continue;
    for (const auto& text : texts_of(*one.find("valid"))) check(*grammar, tokens, text, true);
    for (const auto& text : texts_of(*one.find("invalid"))) check(*grammar, tokens, text, false);
  }
}

}  // namespace

TEST_SUITE_BEGIN("grammar corpus" * doctest::skip(!GrammarCompiler::available()));

TEST_CASE("schemas, byte by byte") { check_texts("schemas.json", byte_tokens({})); }

TEST_CASE("schemas, in the tokens of the default model" *
          doctest::skip(!std::filesystem::exists(kModel))) {
  check_texts("schemas.json", byte_level_tokens(kModel, "<|im_end|>"));
}

TEST_CASE("an expression that takes too much work in many tokens is refused in a user's words" *
          doctest::skip(!std::filesystem::exists(kModel))) {
  std::string absent;
  for (int i = 0; i < 600; ++i) absent += "a?";
  const auto compiler = GrammarCompiler::make(byte_level_tokens(kModel, "<|im_end|>").vocabulary);
  CHECK_THROWS_WITH_AS(compiler->compile("start: /" + absent + "/"),
                       doctest::Contains("make its expressions simpler"), GrammarError);
}

TEST_CASE("grammars of llama.cpp's dialect") {
  check_texts("gbnf.json", byte_tokens({}));
  if (std::filesystem::exists(kModel)) {
    check_texts("gbnf.json", byte_level_tokens(kModel, "<|im_end|>"));
  }
}

TEST_CASE("replies in every format of tool calls") {
  const json::Value cases = read("replies.json");
  for (const json::Value& item : *cases.as<json::Array>()) {
    const auto& one = *item.as<json::Object>();
    CAPTURE(text_of(one, "name"));
    const Tokens tokens = byte_tokens(texts_of(*one.find("controlTokens")));
    const auto compiler = GrammarCompiler::make(tokens.vocabulary);
    const auto grammar = compiled(*compiler, one);
    if (!grammar) continue;
    for (const json::Value& accepted : *one.find("accepted")->as<json::Array>()) {
      check(*grammar, tokens, text_of(*accepted.as<json::Object>(), "text"), true);
    }
    for (const auto& text : texts_of(*one.find("refused"))) check(*grammar, tokens, text, false);
  }
}

TEST_SUITE_END();
