// JavaScript values to the engine's plain data and back: the objects that src/native/binding.ts
// declares, by its names. The only place that throws to JavaScript: TypeErrors that say what was
// expected. JavaScript threads.
#pragma once

#include <string>
#include <vector>

#include "addon/napi_setup.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "grammar/grammar.h"

namespace mlxd {

/// NativeEngineOptions, but for the paths.
EngineOptions to_engine_options(const Napi::Value& value);

/// The paths of NativeEngineOptions.
ModelFiles to_model_files(const Napi::Value& value);

/// A number of positions; 0 is all that the model has.
int to_context(const Napi::Value& value);

/// NativeRequest. Ranges are the engine's matter.
Request to_request(const Napi::Value& value);

/// NativeVocabulary; the lengths sum to the bytes.
Vocabulary to_vocabulary(const Napi::Value& value);

RequestId to_request_id(const Napi::Value& value);

Napi::Function to_function(const Napi::Value& value, const char* name);

/// NativeEvents.
Napi::Object from_events(Napi::Env env, const EventBatch& events);

/// NativeModelInfo.
Napi::Object from_info(Napi::Env env, const ModelInfo& info);

/// NativeModelSummary.
Napi::Object from_summary(Napi::Env env, const ModelSummary& summary);

/// NativeStats.
Napi::Object from_stats(Napi::Env env, const EngineStats& stats);

}  // namespace mlxd
