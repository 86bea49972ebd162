// The JavaScript class GrammarCompiler over mlxd::GrammarCompiler: compiles in libuv's pool, and
// gives JavaScript handles of grammars, which requests carry. JavaScript threads.
#pragma once

#include <memory>
#include <mutex>

#include "addon/napi_setup.h"
#include "grammar/grammar.h"

namespace mlxd {

/// A vocabulary and its compiler, which is made by the first to need it. Any thread.
class SharedCompiler {
 public:
  explicit SharedCompiler(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  /// As GrammarCompiler::compile.
  std::shared_ptr<const Grammar> compile(const std::string& lark);

 private:
  std::mutex mutex_;
  Vocabulary vocabulary_;
  std::unique_ptr<GrammarCompiler> compiler_;
};

class GrammarWrap : public Napi::ObjectWrap<GrammarWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new GrammarCompiler({bytes, lengths, endTokens, sample})
  explicit GrammarWrap(const Napi::CallbackInfo& info);

 private:
  /// compile(lark): a promise of a handle; it rejects with what is wrong with the grammar.
  Napi::Value compile(const Napi::CallbackInfo& info);

  std::shared_ptr<SharedCompiler> compiler_;
};

/// The grammar of a handle that `compile` gave; null for undefined. Throws for anything else.
std::shared_ptr<const Grammar> to_grammar(const Napi::Value& value);

}  // namespace mlxd
