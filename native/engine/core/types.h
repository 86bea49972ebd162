// What crosses the engine's border: plain data, no tensors, no JavaScript.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlxd {

using RequestId = uint32_t;
using Token = int32_t;

struct SamplingParams {
  float temperature = 1.0f;  // 0 is greedy
  float top_p = 1.0f;        // 1 is off
  int top_k = 0;             // 0 is off
  float min_p = 0.0f;        // 0 is off
  uint64_t seed = 0;         // the caller picks one when the user gave none
};

struct Request {
  RequestId id;
  std::vector<Token> tokens;  // the prompt, not empty
  SamplingParams sampling;
  int max_tokens;
  std::vector<Token> stop_tokens;  // end the sequence; not reported as tokens
};

enum class Finish : uint8_t { stop = 0, length = 1, cancelled = 2, error = 3 };

/// One thing that happened to a request. `token` is meaningful for tokens, `finish` and `message` for the end.
struct Event {
  enum class Kind : uint8_t { token = 0, finished = 1 };
  RequestId id;
  Kind kind;
  Token token = 0;
  Finish finish = Finish::stop;
  std::string error_code;  // empty unless finish == error
  std::string message;
};

}  // namespace mlxd
