// Vocabularies for the tests of grammars, and texts cut into their tokens.
#pragma once

#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "grammar/grammar.h"

namespace mlxd::testing {

/// A vocabulary that can be searched.
struct Tokens {
  Vocabulary vocabulary;
  std::vector<std::string> texts;       // of each token; a control token's name
  std::map<std::string, Token> places;  // of the texts

  bool is_control(Token token) const;
  Token end() const { return vocabulary.end_tokens.front(); }

  /// The text as tokens: at each place the longest that fits there, or with `random` any. Control
  /// tokens stand wherever their names do.
  std::vector<Token> cut(const std::string& text, std::mt19937* random = nullptr) const;
};

/// The bytes 0..255, then control tokens, then an end token.
Tokens byte_tokens(const std::vector<std::string>& control);

/// Of a byte-level tokenizer.json; its added tokens are control tokens.
Tokens byte_level_tokens(const std::filesystem::path& file, const std::string& end);

}  // namespace mlxd::testing
