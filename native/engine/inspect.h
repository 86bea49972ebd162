// What a model is and what it will need, from its files' headers: for people who choose one, not
// for requests. No JavaScript here.
#pragma once

#include "engine/engine.h"
#include "models/load.h"

namespace mlxd {

struct ModelSummary {
  Config config;
  LoadReport report;
  std::string device;  // as in ModelInfo, these three
  std::string kernels;
  std::string precision;
  size_t memory_limit;    // bytes, of `options` or the device's default
  int context;            // positions that context_memory is for
  size_t context_memory;  // bytes of keys and values of one sequence of so many
  int longest_context;    // positions that one sequence alone may have within the limit
};

/// Builds the model of `files` as an engine with these options would, with every check, but reads
/// no weights. `context` is clipped to the model's; 0 is all of it. The memory is what the engine
/// admits requests by, apart from what a step takes in passing, which it learns as it runs. Blocks
/// for milliseconds; any thread. Throws what a load throws.
ModelSummary inspect_model(const EngineOptions& options, const ModelFiles& files, int context);

}  // namespace mlxd
