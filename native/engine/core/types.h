// What crosses the engine's border: plain data, no tensors, no JavaScript.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/sampling_params.h"

namespace mlxd {

using RequestId = uint32_t;

class Grammar;  // grammar/grammar.h

/// Batch requests get what interactive ones leave.
enum class Priority : uint8_t { interactive = 0, batch = 1 };

struct Request {
  RequestId id;               // not 0, not in use by a live request
  std::vector<Token> tokens;  // the prompt, not empty
  SamplingParams sampling;
  int max_tokens;                  // clipped to the context that is left after the prompt
  std::vector<Token> stop_tokens;  // end the sequence; not reported as tokens
  Priority priority = Priority::interactive;
  std::string salt = {};                    // prefixes are reused among requests of one salt only
  std::optional<int> prompt_logprobs = {};  // report the prompt's too, and those of so many best
  int replied = 0;  // tokens at the end of `tokens` that are of a reply which goes on
  std::shared_ptr<const Grammar> grammar = {};  // of the whole reply, its end token included
};

enum class Finish : uint8_t { stop = 0, length = 1, cancelled = 2 };

/// Why a request, or the whole load, came to nothing. `code` is one of src/engine/types.ts.
struct Failure {
  std::string code;
  std::string message;
};

enum class EventKind : uint8_t {
  token = 0,         // value: the token
  finished = 1,      // value: Finish; the request's last event
  failed = 2,        // value: index in EventBatch::failures; the request's last event
  progress = 3,      // value: thousandths of the load done; id is 0, as in all that follow
  loaded = 4,        // the engine takes requests
  load_failed = 5,   // value: index in EventBatch::failures
  closed = 6,        // the engine thread's last word
  scored_token = 7,  // a token with its log-probabilities; value: entries in EventBatch::scores
  reused = 8,        // before any token; value: how many of the prompt came from the prefix cache
  scored_prompt = 9  // as scored_token, of the prompt's tokens after the first, in order
};

/// Events, oldest first, as a struct of arrays: entry i of the three columns is one event. Scored
/// ones take their entries from `scores` in turn: the token itself, then the best tokens.
struct EventBatch {
  std::vector<RequestId> ids;
  std::vector<uint8_t> kinds;
  std::vector<int32_t> values;
  std::vector<Failure> failures;
  std::vector<ScoredToken> scores;

  size_t size() const { return ids.size(); }
  bool empty() const { return ids.empty(); }
  void add(RequestId id, EventKind kind, int32_t value = 0);
  void add_sampled(RequestId id, const Sampled& sampled);
  /// `entries`: the token's own, then the best tokens.
  void add_scored(RequestId id, EventKind kind, const std::vector<ScoredToken>& entries);
  void add_failure(RequestId id, EventKind kind, Failure failure);
  void append(EventBatch&& other);
};

struct ModelInfo {
  std::string model_type;
  int context_length = 0;
  int vocab_size = 0;
  int layers = 0;
  int64_t parameters = 0;
  size_t weight_bytes = 0;
  size_t left_out_bytes = 0;  // of a model that also sees or hears: what is not its language model
  std::vector<Token> eos_tokens;
  double load_ms = 0;
  std::string device;     // "cpu" or "gpu"
  std::string kernels;    // "mlx", or the instruction set of ours
  std::string precision;  // of ours; empty with MLX's
  std::string mlx_version;
};

enum class EngineState : uint8_t { loading, ready, failed, closed };

/// Of the prefix cache, since the start. `lookups`: sequences that started, also those that start
/// again.
struct PrefixStats {
  int64_t lookups = 0;
  int64_t hits = 0;
  int64_t reused_tokens = 0;
  int64_t evictions = 0;
  size_t bytes = 0;    // held now
  size_t entries = 0;  // likewise
};

struct EngineStats {
  EngineState state = EngineState::loading;
  int waiting = 0;  // requests waiting for prefill or in it
  int running = 0;  // requests that are decoding
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;
  double heartbeat_ms = 0;  // since the engine thread last went through its loop
  size_t active_memory_bytes = 0;
  size_t peak_memory_bytes = 0;
  int64_t failures = 0;    // steps that threw, and what ended the engine
  std::string last_error;  // of these; empty when there were none
  PrefixStats prefixes;
};

}  // namespace mlxd
