// What a request may ask of sampling, and what comes back beside the token. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlxd {

using Token = int32_t;

struct TokenBias {
  Token token;
  float bias;  // added to the token's logit
};

/// The rules are defined in docs/decisions/0004-sampling.md.
struct SamplingParams {
  float temperature = 1.0f;      // 0 is greedy
  float top_p = 1.0f;            // 1 is off
  int top_k = 0;                 // 0 is off
  float min_p = 0.0f;            // 0 is off
  uint64_t seed = 0;             // the caller picks one when the user gave none
  float typical_p = 1.0f;        // 1 is off
  float xtc_probability = 0.0f;  // 0 is off
  float xtc_threshold = 0.1f;
  float repetition_penalty = 1.0f;  // 1 is off
  int repetition_window = 0;        // last tokens, of prompt and completion; 0: all of them
  float presence_penalty = 0.0f;    // these two of the completion
  float frequency_penalty = 0.0f;
  std::vector<TokenBias> logit_bias = {};
  std::optional<int> logprobs = {};  // report the token's, and those of so many best tokens

  bool penalizes() const {
    return repetition_penalty != 1.0f || presence_penalty != 0.0f || frequency_penalty != 0.0f;
  }
};

/// What penalties know of one token of a sequence.
struct SeenToken {
  Token token;
  int recent;     // times in the window of the repetition penalty
  int generated;  // times in the completion
};

constexpr int kMaxLogprobs = 20;

/// What is wrong with a number of best tokens to report; nothing if they can be.
std::optional<std::string> problem_of_logprobs(int logprobs);

/// What is wrong with `params` for a model of `vocab_size` tokens; nothing if they can be served.
std::optional<std::string> problem_of(const SamplingParams& params, int vocab_size);

struct ScoredToken {
  Token token;
  float logprob;  // natural logarithm, of the model's own distribution
};

/// One sampled token.
struct Sampled {
  Token token;
  std::vector<ScoredToken> scores;  // if asked: the token's own, then the best, descending
};

}  // namespace mlxd
