// JavaScript values to the engine's plain data and back. The only place that throws to JavaScript:
// TypeErrors that say what was expected. JavaScript threads.
#pragma once

#include <string>
#include <vector>

#include "addon/napi_setup.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "grammar/grammar.h"

namespace mlxd {

/// {modelPath, adapterPath, device, threads, precision, maxSequences, prefillChunk, maxQueue,
/// memoryLimit, prefixCache}: the options but for the paths. prefixCache is -1 for the default.
EngineOptions to_engine_options(const Napi::Value& value);

/// The options modelPath and adapterPath, which is empty for none.
ModelFiles to_model_files(const Napi::Value& value);

/// A number of positions; 0 is all that the model has.
int to_context(const Napi::Value& value);

/// {id, tokens, sampling, maxTokens, stopTokens, priority, cacheSalt, grammar}, the last a handle
/// or undefined, and in sampling {temperature, topP, topK, minP, seed, typicalP, xtcProbability,
/// xtcThreshold, repetitionPenalty, repetitionWindow, presencePenalty, frequencyPenalty,
/// biasTokens, biases, logprobs}, logprobs -1 for none. Ranges are the engine's matter.
Request to_request(const Napi::Value& value);

/// {bytes: Uint8Array, lengths: Uint32Array, endTokens: Int32Array}; the lengths sum to the bytes.
Vocabulary to_vocabulary(const Napi::Value& value);

RequestId to_request_id(const Napi::Value& value);

Napi::Function to_function(const Napi::Value& value, const char* name);

/// {ids, kinds, values, failures: [{code, message}], scoreTokens, logprobs}
Napi::Object from_events(Napi::Env env, const EventBatch& events);

Napi::Object from_info(Napi::Env env, const ModelInfo& info);

/// As NativeModelSummary of src/native/binding.ts.
Napi::Object from_summary(Napi::Env env, const ModelSummary& summary);

Napi::Object from_stats(Napi::Env env, const EngineStats& stats);

}  // namespace mlxd
