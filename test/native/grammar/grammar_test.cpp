// Grammars over a vocabulary of single bytes, some words and control tokens: what may come and what
// may not, to the token.
#include "grammar/grammar.h"

#include <string>

#include "doctest/doctest.h"

using namespace mlxd;

namespace {

constexpr Token kEnd = 256, kForged = 257, kTrue = 258;

/// Bytes 0..255, then an end token, a control token that reads `{` and the word `true`.
Vocabulary vocabulary() {
  Vocabulary all;
  const auto add = [&](const std::string& bytes) {
    all.bytes.insert(all.bytes.end(), bytes.begin(), bytes.end());
    all.lengths.push_back(static_cast<uint32_t>(bytes.size()));
  };
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
  add("\xff<end>");
  add("\xff{");
  add("true");
  all.end_tokens = {kEnd};
  return all;
}

GrammarCompiler& compiler() {
  static const auto made = GrammarCompiler::make(vocabulary());
  return *made;
}

bool allowed(Constraint& constraint, const Grammar& grammar, Token token) {
  std::vector<uint32_t> words(grammar.mask_words());
  constraint.mask(words);
  return words[token / 32] >> (token % 32) & 1;
}

/// How many bytes of `text` are taken, each being allowed by the mask before; -1 when all are and
/// the end may come.
int refused_at(const std::string& lark, const std::string& text) {
  const auto grammar = compiler().compile(lark);
  const auto constraint = grammar->begin();
  for (size_t i = 0; i < text.size(); ++i) {
    const Token token = static_cast<uint8_t>(text[i]);
    const bool may = allowed(*constraint, *grammar, token);
    CHECK(constraint->accept(token) == may);
    if (!may) return static_cast<int>(i);
  }
  return allowed(*constraint, *grammar, kEnd) ? -1 : static_cast<int>(text.size());
}

std::string refusal(const std::string& lark) {
  try {
    compiler().compile(lark);
  } catch (const GrammarError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_SUITE_BEGIN("grammar" * doctest::skip(!GrammarCompiler::available()));

TEST_CASE("a schema lets its instances through and stops others where they go wrong") {
  const std::string schema =
      R"({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 12},
          "s": {"enum": ["a", "b\"c"]}}, "required": ["n"], "additionalProperties": false})";
  const auto at = [&](const std::string& text) {
    return refused_at("start: %json " + schema, text);
  };
  CHECK(at(R"({"n": 12})") == -1);
  CHECK(at(R"({"n": 3, "s": "b\"c"})") == -1);
  CHECK(at(R"({"n": 13})") == 7);
  CHECK(at(R"({"s": "a"})") == 2);
  CHECK(at(R"({"n": 4, "x": 1})") == 10);
  CHECK(at(R"({"n": 4)") == 7);
}

TEST_CASE("schemas refer to themselves") {
  const std::string tree =
      R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {
          "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}, "required": ["next"],
          "additionalProperties": false}}})";
  CHECK(refused_at("start: %json " + tree, R"({"next": {"next": null}})") == -1);
  CHECK(refused_at("start: %json " + tree, R"({"next": {"next": 1}})") == 18);
}

TEST_CASE("schemas and rules refer to each other as deep as a request is long") {
  std::string schemas, rules = "start: r0\n";
  for (int i = 0; i < 2000; ++i) {
    const std::string name = std::to_string(i), next = std::to_string(i + 1);
    schemas += "\"s" + name + R"(": {"properties": {"a": {"$ref": "#/$defs/s)" + next + "\"}}}, ";
    rules += "r" + name + ": \"a\" r" + next + " | \"c\"\n";
  }
  const std::string chain =
      R"({"$ref": "#/$defs/s0", "$defs": {)" + schemas + R"("s2000": {"type": "null"}}})";
  CHECK(refused_at("start: %json " + chain, R"({"a": {"a": {}}})") == -1);
  CHECK(refused_at(rules + "r2000: \"b\"\n", "aac") == -1);
}

TEST_CASE("regular expressions and Lark grammars") {
  CHECK(refused_at("start: /[0-9]{3}-(x|yz)/", "123-yz") == -1);
  CHECK(refused_at("start: /[0-9]{3}-(x|yz)/", "12-") == 2);
  const std::string sum = "start: NUMBER (\"+\" NUMBER)*\nNUMBER: /[0-9]+/\n";
  CHECK(refused_at(sum, "1+22+3") == -1);
  CHECK(refused_at(sum, "1++") == 2);
}

TEST_CASE("tokens of several bytes are judged as a whole, control tokens never fit") {
  const auto grammar = compiler().compile(
      "start: %json "
      R"({"type": ["boolean"]})");
  const auto constraint = grammar->begin();
  CHECK(allowed(*constraint, *grammar, kTrue));
  CHECK_FALSE(allowed(*constraint, *grammar, kForged));
  CHECK_FALSE(allowed(*constraint, *grammar, kEnd));
  CHECK(constraint->accept(kTrue));
  CHECK(allowed(*constraint, *grammar, kEnd));
  const auto object = compiler().compile(
      "start: %json "
      R"({"type": "object"})");
  CHECK(allowed(*object->begin(), *object, '{'));
  CHECK_FALSE(allowed(*object->begin(), *object, kForged));
}

TEST_CASE("what is no grammar is refused with a reason, and the compiler goes on") {
  CHECK(refusal("start: %json {").find("EOF") != std::string::npos);
  CHECK(refusal("start: %json "
                R"({"not": {"type": "null"}})")
            .find("not") != std::string::npos);
  CHECK(refusal("start: %json "
                R"({"$ref": "#/nowhere"})") != "");
  CHECK(refusal("start: %json "
                R"({"$ref": "#"})") != "");
  CHECK(refusal("start: %json "
                R"({"type": "string", "format": "x"})") != "");
  CHECK(refusal("start: /(/") != "");
  CHECK(refusal("start: missing") != "");
  CHECK(refusal("start: A\nA: /a/ & /b/\n") == "no text fits it");
  CHECK(refusal(std::string("start: \"a\0b\"", 12)) != "");
  CHECK(refusal("start: /a/") == "");
}

TEST_CASE("expressions of which one byte would make work for seconds are refused, others are not") {
  const auto times = [](int count, const std::string& part) {
    std::string all;
    for (int i = 0; i < count; ++i) all += part;
    return all;
  };
  const auto hostile = [&](const std::string& lark) {
    CHECK(refusal(lark).find("may be absent") != std::string::npos);
  };
  hostile("start: /" + times(30000, "a?") + "/");
  hostile("start: /b{20}" + times(5000, "(a|b)*") + "/");
  hostile("start: /" + times(5000, "(a|)") + "/");
  hostile("start: /" + times(1000, "\\w?") + "/");
  hostile("start: %json {\"type\": \"string\", \"pattern\": \"" + times(5000, "a?b{0,1}") + "\"}");
  hostile("start: A\nA: " + times(30, "B ") + "\nB: " + times(30, "C ") +
          "\nC: " + times(30, "D ") + "\nD: \"a\"?\n");
  hostile("start: a \"x\"\na[lazy]: /" + times(5000, "a?") + "z/\n");

  CHECK(refused_at("start: /" + times(200, "a?") + "b/", "aaab") == -1);
  CHECK(refused_at("start: /(a?b?c?){0,30000}/", "abcac") == -1);
  CHECK(refused_at("start: /" + times(10000, ".*a") + "/", "aa") == 2);
  CHECK(refused_at("start: /(" + times(5000, "[ab]c|") + "d)/", "bc") == -1);
}

TEST_CASE("a grammar that costs more than its limits fails, and says so") {
  std::string choices;
  for (int i = 0; i < 1500; ++i) choices += " | \"y\" \"" + std::to_string(i) + "\"";
  const auto grammar = compiler().compile("start: \"x\" (\"z\"" + choices + ")");
  const auto constraint = grammar->begin();
  std::vector<uint32_t> words(grammar->mask_words());
  std::string reason;
  try {
    constraint->mask(words);
    constraint->accept('x');
    constraint->mask(words);
  } catch (const GrammarError& error) {
    reason = error.what();
  }
  CHECK(reason.find("max is") != std::string::npos);
}

TEST_CASE("replies under one grammar do not see each other") {
  const auto grammar = compiler().compile("start: /ab|cd/");
  const auto first = grammar->begin(), second = grammar->begin();
  CHECK(first->accept('a'));
  CHECK(second->accept('c'));
  CHECK(allowed(*first, *grammar, 'b'));
  CHECK_FALSE(allowed(*first, *grammar, 'd'));
  CHECK(allowed(*second, *grammar, 'd'));
}

TEST_SUITE_END();
