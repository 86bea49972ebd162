// Cuts text into tokens as byte pair encoding does, from the vocabulary alone: the ids stand for
// the order of the merges, which is what they come from. No pre-tokenizer: a merge over its cuts is
// no token in practice, but a run of white space may be cut otherwise. Any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/grammar.h"

namespace mlxd {

class BytePairs {
 public:
  explicit BytePairs(const Vocabulary& vocabulary);

  /// The tokens of a text; nothing where a byte of it is in no token.
  std::optional<std::vector<Token>> cut(std::string_view text) const;

  /// Whether the sample of this vocabulary is cut as its tokenizer cut it.
  bool is_faithful(const Vocabulary& vocabulary) const;

 private:
  std::optional<Token> find(std::string_view text) const;

  std::string bytes_;                                // of all tokens
  std::unordered_map<std::string_view, Token> ids_;  // of slices of bytes_
};

}  // namespace mlxd
