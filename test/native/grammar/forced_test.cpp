// Text that a grammar forces: cut into tokens as a tokenizer cuts it, and the same whether it is
// taken at once or token by token.
#include <algorithm>
#include <bit>
#include <numeric>
#include <string>

#include "doctest/doctest.h"
#include "grammar/byte_pairs.h"
#include "grammar/vocabularies.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

const std::filesystem::path kModel = "models/SmolLM2-135M-Instruct-4bit/tokenizer.json";

constexpr Token kNa = 257, kMe = 258, kName = 259, kColon = 260;

/// Bytes, an end token, then what merging pairs of bytes makes, in the order of the merges.
Tokens merged_tokens() {
  Tokens tokens = byte_tokens({});
  for (const std::string merged : {"na", "me", "name", "\":", " \"", "\"name", "age"}) {
    tokens.vocabulary.bytes.insert(tokens.vocabulary.bytes.end(), merged.begin(), merged.end());
    tokens.vocabulary.lengths.push_back(static_cast<uint32_t>(merged.size()));
  }
  tokens.vocabulary.sample = {'{', ' ', 'a'};
  return tokens;
}

std::vector<Token> cut(const Vocabulary& vocabulary, const std::string& text) {
  return BytePairs(vocabulary).cut(text).value();
}

std::string text_of(const Vocabulary& vocabulary, const std::vector<Token>& tokens) {
  std::string text;
  for (Token token : tokens) {
    const auto* length = vocabulary.lengths.data();
    const auto begin = std::accumulate(length, length + token, size_t{0});
    text.append(vocabulary.bytes.begin() + static_cast<ptrdiff_t>(begin),
                vocabulary.bytes.begin() + static_cast<ptrdiff_t>(begin + length[token]));
  }
  return text;
}

struct Golden {
  const char* text;
  std::vector<Token> tokens;
};

// By the Python package `tokenizers`, of the default model.
const std::vector<Golden> kGolden = {
    {R"({"name": "get_weather", "arguments": {"city": "Paris"}})",
     {39428, 1245, 1799, 476, 726, 79, 29624, 1002, 476, 24370, 1799, 9583, 20721, 1799, 476, 38634,
      18, 17859}},
    {"<function=now>\n</function>\n", {44, 6607, 45, 612, 46, 198, 9617, 6607, 46, 198}},
    {"Café — naïve 東京 🦊",
     {51, 1939, 2756, 1841, 15486, 46494, 17097, 247, 126, 16736, 122, 15107, 116, 228}},
    {"[1, 2.5e-3, true, null]\n",
     {75, 33, 28, 216, 34, 30, 37, 85, 29, 35, 28, 2629, 28, 10034, 77, 198}},
    {"functions.get_weather:0", {22942, 30, 726, 79, 29624, 42, 32}},
};

/// The end of the whole reply, of runs of `most` tokens at the most; a choice takes the first that
/// the mask allows.
std::vector<Token> reply(const Grammar& grammar, size_t most, Token end) {
  const auto constraint = grammar.begin();
  std::vector<Token> tokens;
  std::vector<uint32_t> words(grammar.mask_words());
  const auto allows = [&](Token token) {
    return (words[static_cast<size_t>(token) / 32] >> (token % 32) & 1) != 0;
  };
  for (;;) {
    std::vector<Token> run = constraint->forced(most);
    CHECK(run.size() <= most);
    constraint->mask(words);
    if (run.empty()) {
      Token token = 0;
      while (!allows(token)) ++token;
      if (allows(end)) return tokens;
      run = {token};
    } else {
      CHECK(allows(run.front()));
      CHECK(std::popcount(words[static_cast<size_t>(run.front()) / 32]) == 1);
    }
    for (Token token : run) {
      REQUIRE(constraint->accept(token));
      tokens.push_back(token);
    }
  }
}

const char* const kSchema =
    R"(start: %json {"type": "object", "properties": {"name": {"enum": ["name", "nab"]},
       "age": {"const": "age"}}, "required": ["name", "age"], "additionalProperties": false,
       "x-guidance": {"whitespace_flexible": false}})";

}  // namespace

TEST_SUITE_BEGIN("grammar" * doctest::skip(!GrammarCompiler::available()));

TEST_CASE("pairs of bytes merge in the order of the ids") {
  const Tokens tokens = merged_tokens();
  CHECK(cut(tokens.vocabulary, "") == std::vector<Token>{});
  CHECK(cut(tokens.vocabulary, "name") == std::vector<Token>{kName});
  CHECK(cut(tokens.vocabulary, "nab") == std::vector<Token>{kNa, 'b'});
  CHECK(cut(tokens.vocabulary, "nanam\":") == std::vector<Token>{kNa, kNa, 'm', kColon});
  CHECK(cut(tokens.vocabulary, "mename") == std::vector<Token>{kMe, kName});
}

TEST_CASE("a vocabulary is trusted where its sample is cut as it says") {
  Tokens tokens = merged_tokens();
  const auto faithful = [&](std::vector<Token> sample) {
    tokens.vocabulary.sample = std::move(sample);
    return BytePairs(tokens.vocabulary).is_faithful(tokens.vocabulary);
  };
  CHECK(faithful({'{', kName}));
  CHECK_FALSE(faithful({'{', kNa, kMe}));
  CHECK_FALSE(faithful({}));
}

TEST_CASE("texts are cut as the tokenizer of the default model cuts them" *
          doctest::skip(!std::filesystem::exists(kModel))) {
  Tokens tokens = byte_level_tokens(kModel, "<|im_end|>");
  for (const auto& [text, golden] : kGolden) {
    CAPTURE(text);
    CHECK(cut(tokens.vocabulary, text) == golden);
    tokens.vocabulary.sample = golden;
    CHECK(BytePairs(tokens.vocabulary).is_faithful(tokens.vocabulary));
  }
}

TEST_CASE("forced text is the same taken at once and token by token") {
  const Tokens tokens = merged_tokens();
  const auto grammar = GrammarCompiler::make(tokens.vocabulary)->compile(kSchema);
  const auto whole = reply(*grammar, 100, tokens.end());
  CHECK(text_of(tokens.vocabulary, whole) == R"({"name":"nab","age":"age"})");
  // Not what follows: its last token depends on the choice.
  const auto first = grammar->begin()->forced(100);
  CHECK(first == cut(tokens.vocabulary, R"({"name":)"));
  for (size_t most : {1, 2, 3}) CHECK(reply(*grammar, most, tokens.end()) == whole);
}

TEST_CASE("a reply that begins again goes on in the middle of forced text") {
  const Tokens tokens = merged_tokens();
  const auto grammar = GrammarCompiler::make(tokens.vocabulary)->compile(kSchema);
  const auto whole = reply(*grammar, 100, tokens.end());
  const auto again = grammar->begin();
  REQUIRE(again->accept(whole[0]));
  REQUIRE(again->accept(whole[1]));
  CHECK(again->forced(1) == std::vector<Token>{whole[2]});
  // Other tokens of the same text fit as well: a reply may have begun with them.
  const auto bytes = grammar->begin();
  for (const char letter : std::string(R"({"na)")) CHECK(bytes->accept(letter));
  CHECK(bytes->forced(1) == std::vector<Token>{kMe});
}

TEST_CASE("without a sample nothing is forced") {
  Tokens tokens = merged_tokens();
  tokens.vocabulary.sample.clear();
  const auto grammar = GrammarCompiler::make(tokens.vocabulary)->compile(kSchema);
  CHECK(grammar->begin()->forced(10).empty());
}

TEST_CASE("control tokens are forced by their ids") {
  Tokens tokens = byte_tokens({"<|call|>"});
  tokens.vocabulary.sample = {'a'};
  const auto grammar =
      GrammarCompiler::make(tokens.vocabulary)->compile("start: \"ab\" <[256]> \"c\"");
  CHECK(grammar->begin()->forced(10) == std::vector<Token>{'a', 'b', 256, 'c'});
}

TEST_SUITE_END();
