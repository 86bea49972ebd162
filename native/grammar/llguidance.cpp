// Grammars by llguidance, through its C ABI (crate/).
#include <llguidance.h>

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <utility>

#include "grammar/byte_pairs.h"
#include "grammar/deep_stack.h"
#include "grammar/grammar.h"

/// Of crate/src/lib.rs: the most branches that one byte can make an expression weigh.
extern "C" uint64_t mlxd_work_per_byte(const char* lark);

namespace mlxd {
namespace {

// What a grammar may cost between two tokens, as other replies wait for it: some milliseconds for
// what the automaton builds and the parser tries in a mask, and the most ways to read a text at
// once, which are as many as a request may offer choices, and some.
constexpr uint64_t kMaskFuel = 50'000;
constexpr size_t kMaskItems = 20'000;
constexpr size_t kRowItems = 1'200;
// And what reading one byte may, which is not interrupted: milliseconds.
constexpr uint64_t kByteWork = 200'000;

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
struct Tokenizer {
  std::shared_ptr<LlgTokenizer> handle;  // must outlive the matchers made with it
  bool forces;                           // knows how to cut text that is forced
};
using Matcher = std::unique_ptr<LlgMatcher, Free<llg_free_matcher>>;

/// LlgTokenizeFn over the BytePairs `pairs`.
size_t tokenize(const void* pairs, const uint8_t* bytes, size_t length, uint32_t* output,
                size_t capacity) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), length);
  const auto tokens =
      static_cast<const BytePairs*>(pairs)->cut(text).value_or(std::vector<Token>{});
  std::copy_n(tokens.begin(), std::min(tokens.size(), capacity), output);
  return tokens.size();
}

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
  // Only forced tokens are found by tokenizing: without it none are.
  auto pairs = std::make_shared<const BytePairs>(vocabulary);
  if (!pairs->is_faithful(vocabulary)) pairs.reset();
  init.use_approximate_greedy_tokenize_fn = !pairs;
  if (pairs) init.tokenize_fn = tokenize;
  init.tokenize_user_data = pairs.get();
  char error[512] = "";
  std::shared_ptr<LlgTokenizer> handle(llg_new_tokenizer_v2(&init, error, sizeof(error)),
                                       [pairs](LlgTokenizer* made) { llg_free_tokenizer(made); });
  if (!handle) throw GrammarError(std::string("the vocabulary cannot be used: ") + error);
  return {std::move(handle), pairs != nullptr};
}

[[noreturn]] void fail(LlgMatcher* matcher) {
  const char* told = llg_matcher_get_error(matcher);
  const std::string error = told ? told : "the grammar failed";
  if (error.starts_with("NoExtension")) throw GrammarError("no text fits it");
  // Advice on settings that no user of ours has.
  if (error.find("limits.") != std::string::npos) {
    throw GrammarError("it takes more work than a grammar may: make its expressions simpler");
  }
  throw GrammarError(error.substr(0, error.find("\n<non-verbose/>")));
}

/// A run of forced tokens is found once, where it begins: so a reply is the same whether the run is
/// taken together or token by token, and after it began again.
class LlgConstraintState final : public Constraint {
 public:
  LlgConstraintState(Tokenizer tokenizer, Matcher matcher)
      : tokenizer_(std::move(tokenizer)),
        matcher_(std::move(matcher)),
        is_known_(!tokenizer_.forces) {}

  void mask(std::span<uint32_t> words) override {
    find_run();
    if (run_.empty()) {
      const int32_t failed =
          llg_matcher_compute_mask_into(matcher_.get(), words.data(), words.size_bytes());
      if (failed) fail(matcher_.get());
      return;
    }
    std::ranges::fill(words, 0);
    const auto token = static_cast<size_t>(run_.front());
    words[token / 32] |= 1u << (token % 32);
  }

  std::vector<Token> forced(size_t most) override {
    find_run();
    return {run_.begin(), run_.begin() + static_cast<ptrdiff_t>(std::min(most, run_.size()))};
  }

  bool accept(Token token) override {
    find_run();
    if (!run_.empty() && run_.front() == token) {
      run_.pop_front();
    } else {
      run_.clear();
    }
    is_known_ = !tokenizer_.forces || !run_.empty();
    return llg_matcher_consume_token(matcher_.get(), static_cast<uint32_t>(token)) == 0;
  }

 private:
  static constexpr size_t kLongestRun = 512;

  void find_run() {
    if (std::exchange(is_known_, true)) return;
    std::array<uint32_t, kLongestRun> tokens;
    const int32_t count =
        llg_matcher_compute_ff_tokens(matcher_.get(), tokens.data(), tokens.size());
    if (count < 0) fail(matcher_.get());
    run_.assign(tokens.begin(), tokens.begin() + count);
  }

  Tokenizer tokenizer_;
  Matcher matcher_;
  std::deque<Token> run_;  // forced, and not taken yet
  bool is_known_;          // whether run_ is of the place where the reply stands
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
    std::shared_ptr<const Grammar> compiled;
    on_deep_stack([&] { compiled = compile_here(lark); });
    return compiled;
  }

 private:
  /// Recurses as deep as the rules and schemas that refer to each other.
  std::shared_ptr<const Grammar> compile_here(const std::string& lark) const {
    if (mlxd_work_per_byte(lark.c_str()) > kByteWork) {
      throw GrammarError(
          "an expression has too many parts in a row that may be absent, as those of `?`, `*` and "
          "`{0,9}` may: write what repeats as `{0,1000}`, or leave some out");
    }
    LlgConstraintInit init{};
    llg_constraint_init_set_defaults(&init, tokenizer_.handle.get());
    init.log_buffer_level = 0;
    init.log_stderr_level = 0;
    init.limits.verbose_errors = false;
    init.limits.step_lexer_fuel = kMaskFuel;
    init.limits.step_max_items = kMaskItems;
    init.limits.max_items_in_row = kRowItems;
    Matcher matcher(llg_new_matcher(&init, "lark", lark.c_str()));
    if (llg_matcher_is_error(matcher.get())) fail(matcher.get());
    auto grammar = std::make_shared<LlgGrammar>(tokenizer_, std::move(matcher));
    std::vector<uint32_t> words(grammar->mask_words());
    grammar->begin()->mask(words);
    return grammar;
  }

  Tokenizer tokenizer_;
};

}  // namespace

bool GrammarCompiler::available() { return true; }

std::unique_ptr<GrammarCompiler> GrammarCompiler::make(const Vocabulary& vocabulary) {
  return std::make_unique<LlgCompiler>(vocabulary);
}

}  // namespace mlxd
