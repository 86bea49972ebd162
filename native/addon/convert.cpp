// Conversions between JavaScript values and the engine's plain data. JavaScript threads.
#include "addon/convert.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "addon/grammar_wrap.h"

namespace mlxd {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

[[noreturn]] void expected(const Napi::Value& value, const std::string& name, const char* what) {
  const std::string got = value.ToString().Utf8Value().substr(0, 40);
  throw Napi::TypeError::New(value.Env(), name + " must be " + what + ", got " + got);
}

Napi::Object to_object(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) expected(value, name, "an object");
  return value.As<Napi::Object>();
}

std::string to_string(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (!value.IsString()) expected(value, name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

float to_float(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!std::isfinite(number)) expected(value, name, "a number");
  return static_cast<float>(number);
}

int64_t to_integer(const Napi::Value& value, const char* name, double low, double high) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= low && number <= high) || number != std::trunc(number)) {
    const std::string what = "an integer from " + std::to_string(static_cast<int64_t>(low)) +
                             " to " + std::to_string(static_cast<int64_t>(high));
    expected(value, name, what.c_str());
  }
  return static_cast<int64_t>(number);
}

int to_int(const Napi::Object& from, const char* name, int low) {
  const double high = std::numeric_limits<int>::max();
  return static_cast<int>(to_integer(from.Get(name), name, low, high));
}

Napi::TypedArray to_array(const Napi::Object& from, const char* name, napi_typedarray_type type,
                          const char* what) {
  const Napi::Value value = from.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    expected(value, name, what);
  }
  return value.As<Napi::TypedArray>();
}

int64_t to_bytes(const Napi::Object& from, const char* name, int low) {
  return to_integer(from.Get(name), name, low, kMaxSafeInteger);
}

std::vector<Token> to_tokens(const Napi::Object& from, const char* name) {
  const auto array = to_array(from, name, napi_int32_array, "an Int32Array").As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::vector<TokenBias> to_logit_bias(const Napi::Object& from) {
  const auto tokens = to_tokens(from, "biasTokens");
  const auto biases =
      to_array(from, "biases", napi_float32_array, "a Float32Array as long as biasTokens")
          .As<Napi::Float32Array>();
  if (biases.ElementLength() != tokens.size()) {
    expected(biases, "biases", "a Float32Array as long as biasTokens");
  }
  std::vector<TokenBias> all;
  for (size_t i = 0; i < tokens.size(); ++i) all.push_back({tokens[i], biases[i]});
  return all;
}

SamplingParams to_sampling(const Napi::Object& from) {
  SamplingParams params;
  params.temperature = to_float(from, "temperature");
  params.top_p = to_float(from, "topP");
  params.top_k = to_int(from, "topK", 0);
  params.min_p = to_float(from, "minP");
  const int64_t seed = to_integer(from.Get("seed"), "seed", -kMaxSafeInteger, kMaxSafeInteger);
  params.seed = static_cast<uint64_t>(seed);
  params.typical_p = to_float(from, "typicalP");
  params.xtc_probability = to_float(from, "xtcProbability");
  params.xtc_threshold = to_float(from, "xtcThreshold");
  params.repetition_penalty = to_float(from, "repetitionPenalty");
  params.repetition_window = to_int(from, "repetitionWindow", 0);
  params.presence_penalty = to_float(from, "presencePenalty");
  params.frequency_penalty = to_float(from, "frequencyPenalty");
  params.logit_bias = to_logit_bias(from);
  const int logprobs = to_int(from, "logprobs", -1);
  if (logprobs >= 0) params.logprobs = logprobs;
  return params;
}

template <typename Array, typename T>
Array copy_to(Napi::Env env, const std::vector<T>& values) {
  auto array = Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

void add_scores(Napi::Object to, const std::vector<ScoredToken>& scores) {
  auto tokens = Napi::Int32Array::New(to.Env(), scores.size());
  auto logprobs = Napi::Float32Array::New(to.Env(), scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    tokens[i] = scores[i].token;
    logprobs[i] = scores[i].logprob;
  }
  to["scoreTokens"] = tokens;
  to["logprobs"] = logprobs;
}

Napi::Array from_shares(Napi::Env env, const std::vector<WeightShare>& shares) {
  auto result = Napi::Array::New(env, shares.size());
  for (uint32_t i = 0; i < shares.size(); ++i) {
    auto share = Napi::Object::New(env);
    share["format"] = shares[i].format;
    share["bits"] = shares[i].bits;
    if (shares[i].group_size > 0) share["groupSize"] = shares[i].group_size;
    share["parameters"] = static_cast<double>(shares[i].parameters);
    share["bytes"] = static_cast<double>(shares[i].bytes);
    result[i] = share;
  }
  return result;
}

const char* name_of(EngineState state) {
  static constexpr const char* kNames[] = {"loading", "ready", "failed", "closed"};
  return kNames[static_cast<size_t>(state)];
}

}  // namespace

EngineOptions to_engine_options(const Napi::Value& value) {
  const Napi::Object from = to_object(value, "options");
  EngineOptions options;
  options.device = to_string(from, "device");
  options.kernels = to_string(from, "kernels");
  options.threads = to_int(from, "threads", 0);
  options.precision = to_string(from, "precision");
  options.kv_bits = to_int(from, "kvBits", 0);
  options.max_sequences = to_int(from, "maxSequences", 1);
  options.prefill_chunk = to_int(from, "prefillChunk", 1);
  options.max_queue = to_int(from, "maxQueue", 0);
  options.memory_limit = to_bytes(from, "memoryLimit", 0);
  const int64_t prefixes = to_bytes(from, "prefixCache", -1);
  if (prefixes >= 0) options.prefix_cache = prefixes;
  return options;
}

ModelFiles to_model_files(const Napi::Value& value) {
  const Napi::Object from = to_object(value, "options");
  return {to_string(from, "modelPath"), to_string(from, "adapterPath")};
}

int to_context(const Napi::Value& value) {
  return static_cast<int>(to_integer(value, "context", 0, std::numeric_limits<int>::max()));
}

Request to_request(const Napi::Value& value) {
  const Napi::Object from = to_object(value, "request");
  const int prompt_logprobs = to_int(from, "promptLogprobs", -1);
  return {to_request_id(from.Get("id")),
          to_tokens(from, "tokens"),
          to_sampling(to_object(from.Get("sampling"), "sampling")),
          to_int(from, "maxTokens", 0),
          to_tokens(from, "stopTokens"),
          static_cast<Priority>(to_integer(from.Get("priority"), "priority", 0, 1)),
          to_string(from, "cacheSalt"),
          prompt_logprobs < 0 ? std::nullopt : std::optional(prompt_logprobs),
          to_int(from, "replied", 0),
          to_grammar(from.Get("grammar"))};
}

Vocabulary to_vocabulary(const Napi::Value& value) {
  const Napi::Object from = to_object(value, "vocabulary");
  const auto bytes =
      to_array(from, "bytes", napi_uint8_array, "a Uint8Array").As<Napi::Uint8Array>();
  const auto lengths =
      to_array(from, "lengths", napi_uint32_array, "a Uint32Array").As<Napi::Uint32Array>();
  const uint32_t* first = lengths.Data();
  Vocabulary vocabulary{{bytes.Data(), bytes.Data() + bytes.ElementLength()},
                        {first, first + lengths.ElementLength()},
                        to_tokens(from, "endTokens"),
                        to_tokens(from, "sample")};
  const auto total = std::accumulate(vocabulary.lengths.begin(), vocabulary.lengths.end(), 0ull);
  if (total != vocabulary.bytes.size()) expected(lengths, "lengths", "the lengths of all tokens");
  if (vocabulary.end_tokens.empty()) expected(lengths, "endTokens", "an Int32Array, not empty");
  return vocabulary;
}

RequestId to_request_id(const Napi::Value& value) {
  return static_cast<RequestId>(to_integer(value, "id", 1, std::numeric_limits<RequestId>::max()));
}

Napi::Function to_function(const Napi::Value& value, const char* name) {
  if (!value.IsFunction()) expected(value, name, "a function");
  return value.As<Napi::Function>();
}

Napi::Object from_events(Napi::Env env, const EventBatch& events) {
  auto failures = Napi::Array::New(env, events.failures.size());
  for (uint32_t i = 0; i < events.failures.size(); ++i) {
    auto failure = Napi::Object::New(env);
    failure["code"] = events.failures[i].code;
    failure["message"] = events.failures[i].message;
    failures[i] = failure;
  }
  auto result = Napi::Object::New(env);
  result["ids"] = copy_to<Napi::Uint32Array>(env, events.ids);
  result["kinds"] = copy_to<Napi::Uint8Array>(env, events.kinds);
  result["values"] = copy_to<Napi::Int32Array>(env, events.values);
  result["failures"] = failures;
  add_scores(result, events.scores);
  return result;
}

Napi::Object from_info(Napi::Env env, const ModelInfo& info) {
  auto eos_tokens = Napi::Array::New(env, info.eos_tokens.size());
  for (uint32_t i = 0; i < info.eos_tokens.size(); ++i) eos_tokens[i] = info.eos_tokens[i];
  auto result = Napi::Object::New(env);
  result["modelType"] = info.model_type;
  result["contextLength"] = info.context_length;
  result["vocabSize"] = info.vocab_size;
  result["layers"] = info.layers;
  result["parameters"] = static_cast<double>(info.parameters);
  result["weightBytes"] = static_cast<double>(info.weight_bytes);
  result["leftOutBytes"] = static_cast<double>(info.left_out_bytes);
  result["eosTokens"] = eos_tokens;
  result["loadMs"] = info.load_ms;
  result["device"] = info.device;
  result["kernels"] = info.kernels;
  if (!info.precision.empty()) result["precision"] = info.precision;
  result["mlxVersion"] = info.mlx_version;
  return result;
}

Napi::Object from_summary(Napi::Env env, const ModelSummary& summary) {
  const auto& [config, report, device, kernels, precision, limit, context, context_memory,
               longest] = summary;
  auto result = Napi::Object::New(env);
  result["modelType"] = config.model_type;
  result["contextLength"] = config.max_position_embeddings;
  result["vocabSize"] = config.vocab_size;
  result["hiddenSize"] = config.hidden_size;
  result["layers"] = config.layers;
  result["heads"] = config.heads;
  result["kvHeads"] = config.kv_heads;
  result["parameters"] = static_cast<double>(report.parameters);
  result["weightBytes"] = static_cast<double>(report.weight_bytes);
  result["leftOutBytes"] = static_cast<double>(report.left_out_bytes);
  result["weights"] = from_shares(env, report.shares);
  result["device"] = device;
  result["kernels"] = kernels;
  if (!precision.empty()) result["precision"] = precision;
  auto memory = Napi::Object::New(env);
  memory["limit"] = static_cast<double>(limit);
  memory["weights"] = static_cast<double>(report.memory_bytes);
  memory["context"] = context;
  memory["contextBytes"] = static_cast<double>(context_memory);
  memory["longestContext"] = longest;
  result["memory"] = memory;
  return result;
}

Napi::Object from_stats(Napi::Env env, const EngineStats& stats) {
  auto result = Napi::Object::New(env);
  result["state"] = name_of(stats.state);
  result["waiting"] = stats.waiting;
  result["running"] = stats.running;
  result["promptTokens"] = static_cast<double>(stats.prompt_tokens);
  result["generatedTokens"] = static_cast<double>(stats.generated_tokens);
  result["heartbeatMs"] = stats.heartbeat_ms;
  result["activeMemoryBytes"] = static_cast<double>(stats.active_memory_bytes);
  result["peakMemoryBytes"] = static_cast<double>(stats.peak_memory_bytes);
  result["failures"] = static_cast<double>(stats.failures);
  result["lastError"] = stats.last_error;
  auto prefixes = Napi::Object::New(env);
  prefixes["lookups"] = static_cast<double>(stats.prefixes.lookups);
  prefixes["hits"] = static_cast<double>(stats.prefixes.hits);
  prefixes["reusedTokens"] = static_cast<double>(stats.prefixes.reused_tokens);
  prefixes["evictions"] = static_cast<double>(stats.prefixes.evictions);
  prefixes["bytes"] = static_cast<double>(stats.prefixes.bytes);
  prefixes["entries"] = static_cast<double>(stats.prefixes.entries);
  result["prefixes"] = prefixes;
  return result;
}

}  // namespace mlxd
