// Grammars in a build without a Rust compiler: refused, never ignored.
#include "grammar/grammar.h"

namespace mlxd {

bool GrammarCompiler::available() { return false; }

std::unique_ptr<GrammarCompiler> GrammarCompiler::make(const Vocabulary&) {
  throw GrammarError(
      "this build of mlxd has no structured output, since there was no Rust compiler (cargo 1.87 "
      "or newer) when it was built");
}

}  // namespace mlxd
