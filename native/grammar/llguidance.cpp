// Grammars by llguidance, through its C ABI (crate/).
#include <llguidance.h>

#include <mutex>

#include "grammar/grammar.h"

namespace mlxd {
namespace {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
using Tokenizer = std::shared_ptr<LlgTokenizer>;  // must outlive the matchers made with it
using Matcher = std::unique_ptr<LlgMatcher, Free<llg_free_matcher>>;

Tokenizer make_tokenizer(const Vocabulary& vocabulary) {
  const std::vector<LlgToken> ends(vocabulary.end_tokens.begin(), vocabulary.end_tokens.end());
  LlgTokenizerInitV2 init{};
  init.struct_size = sizeof(init);
  init.vocab_size = static_cast<uint32_t>(vocabulary.lengths.size());
  init.tok_eos = ends.front();
  init.tok_eos_extra = ends.data() + 1;
  init.tok_eos_extra_count = static_cast<uint32_t>(ends.size() - 1);
  init.token_lens = vocabulary.lengths.data();
  init.token_bytes = vocabulary.bytes.data();
  // Only forced tokens are found by tokenizing, and those are not asked for here.
  init.use_approximate_greedy_tokenize_fn = true;
  char error[512] = "";
  Tokenizer tokenizer(llg_new_tokenizer_v2(&init, error, sizeof(error)), llg_free_tokenizer);
  if (!tokenizer) throw GrammarError(std::string("the vocabulary cannot be used: ") + error);
  return tokenizer;
}

[[noreturn]] void fail(LlgMatcher* matcher) {
  const char* error = llg_matcher_get_error(matcher);
  throw GrammarError(error ? error : "the grammar failed");
}

class LlgConstraintState final : public Constraint {
 public:
  LlgConstraintState(Tokenizer tokenizer, Matcher matcher)
      : tokenizer_(std::move(tokenizer)), matcher_(std::move(matcher)) {}

  void mask(std::span<uint32_t> words) override {
    if (llg_matcher_compute_mask_into(matcher_.get(), words.data(), words.size_bytes()) != 0) {
      fail(matcher_.get());
    }
  }

  bool accept(Token token) override {
    return llg_matcher_consume_token(matcher_.get(), static_cast<uint32_t>(token)) == 0;
  }

 private:
  Tokenizer tokenizer_;
  Matcher matcher_;
};

class LlgGrammar final : public Grammar {
 public:
  LlgGrammar(Tokenizer tokenizer, Matcher start)
      : tokenizer_(std::move(tokenizer)),
        start_(std::move(start)),
        words_(llg_matcher_get_mask_byte_size(start_.get()) / sizeof(uint32_t)) {}

  std::unique_ptr<Constraint> begin() const override {
    std::lock_guard lock(mutex_);
    return std::make_unique<LlgConstraintState>(tokenizer_,
                                                Matcher(llg_clone_matcher(start_.get())));
  }

  size_t mask_words() const override { return words_; }

 private:
  Tokenizer tokenizer_;
  mutable std::mutex mutex_;  // a matcher is for one thread at a time, and cloning is a use
  Matcher start_;
  size_t words_;
};

class LlgCompiler final : public GrammarCompiler {
 public:
  explicit LlgCompiler(const Vocabulary& vocabulary) : tokenizer_(make_tokenizer(vocabulary)) {}

  std::shared_ptr<const Grammar> compile(const std::string& lark) const override {
    if (lark.find('\0') != std::string::npos) throw GrammarError("contains a zero byte");
    LlgConstraintInit init{};
    llg_constraint_init_set_defaults(&init, tokenizer_.get());
    init.log_buffer_level = 0;
    init.log_stderr_level = 0;
    init.limits.verbose_errors = false;
    Matcher matcher(llg_new_matcher(&init, "lark", lark.c_str()));
    if (llg_matcher_is_error(matcher.get())) fail(matcher.get());
    auto grammar = std::make_shared<LlgGrammar>(tokenizer_, std::move(matcher));
    std::vector<uint32_t> words(grammar->mask_words());
    grammar->begin()->mask(words);
    return grammar;
  }

 private:
  Tokenizer tokenizer_;
};

}  // namespace

bool GrammarCompiler::available() { return true; }

std::unique_ptr<GrammarCompiler> GrammarCompiler::make(const Vocabulary& vocabulary) {
  return std::make_unique<LlgCompiler>(vocabulary);
}

}  // namespace mlxd
