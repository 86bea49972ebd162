// Which texts a reply may be: grammars compiled for a model's vocabulary, and where a reply stands
// in one. No MLX and no JavaScript. Two implementations: llguidance.cpp, and absent.cpp where there
// was no Rust compiler at build time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/core/types.h"

namespace mlxd {

/// What a user's grammar is refused for; the message is for that user.
struct GrammarError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The bytes of every token, one after another. A control token's begin with 0xff, which no text
/// contains, so that no grammar takes one unless it names its id.
struct Vocabulary {
  std::vector<uint8_t> bytes;
  std::vector<uint32_t> lengths;  // [vocabulary]
  std::vector<Token> end_tokens;  // allowed where a text is complete; not empty
  // Some text as the model's tokenizer cuts it. Where merging pairs of bytes cuts it otherwise, or
  // there is none, forced text is left to be sampled.
  std::vector<Token> sample = {};
};

/// How far one reply has come in its grammar. One thread at a time.
class Constraint {
 public:
  virtual ~Constraint() = default;

  /// Words of 32 tokens, the lowest bit first: set where the token may come next. `words` holds
  /// Grammar::mask_words. Throws GrammarError when the grammar costs more than its limits, and
  /// after an end token.
  virtual void mask(std::span<uint32_t> words) = 0;

  /// The tokens that must come next, `most` of them at the most, cut as the model's tokenizer
  /// would; empty where there is a choice. The mask allows the first alone. Throws as mask().
  virtual std::vector<Token> forced(size_t most) = 0;

  /// Takes the token that was chosen. False, and nothing more is taken, when it may not come.
  /// Throws as mask().
  virtual bool accept(Token token) = 0;
};

/// A compiled grammar. Any thread.
class Grammar {
 public:
  virtual ~Grammar() = default;
  virtual std::unique_ptr<Constraint> begin() const = 0;
  virtual size_t mask_words() const = 0;
};

/// Compiles for one vocabulary. Any thread.
class GrammarCompiler {
 public:
  /// Whether this build has grammars at all.
  static bool available();

  /// Takes 0.2 to 0.5 s for a vocabulary of usual size. Throws GrammarError where there are none.
  static std::unique_ptr<GrammarCompiler> make(const Vocabulary& vocabulary);

  virtual ~GrammarCompiler() = default;

  /// `lark`: a grammar in llguidance's dialect of Lark, in which JSON schemas stand as `%json`.
  /// Milliseconds, and more for large ones. The first mask is made as well: some faults show only
  /// there. Throws GrammarError for what is no grammar or is not supported.
  virtual std::shared_ptr<const Grammar> compile(const std::string& lark) const = 0;
};

}  // namespace mlxd
