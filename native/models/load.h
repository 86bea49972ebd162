// From a folder to a model ready to run. Engine thread only: all arrays are made on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "loader/checkpoint.h"
#include "loader/config.h"
#include "models/model.h"

namespace mlxd {

/// What loading cost.
struct LoadReport {
  int64_t parameters;               // weights of the model, counted before quantization
  size_t weight_bytes;              // size of the tensors in the files
  size_t left_out_bytes;            // likewise, of those that are not of the language model
  std::vector<WeightShare> shares;  // how they are stored there
  size_t memory_bytes;              // what the layers hold of them in memory
  double seconds;
};

struct LoadedModel {
  Config config;
  std::unique_ptr<Model> model;
  LoadReport report;
};

/// Loads `folder` (config.json, *.safetensors) on the default device. All weights are evaluated
/// when it returns; none is read while kernels::measuring(), but everything is checked, and the
/// report says what they would hold. `progress`, if given, is called with the loaded fraction, from
/// 0 to 1. `adapter` is the folder of a LoRA adapter, or empty. Throws std::runtime_error that
/// names the file, key or tensor at fault.
LoadedModel load_model(const std::filesystem::path& folder,
                       const std::function<void(double fraction)>& progress,
                       const std::filesystem::path& adapter = {});

}  // namespace mlxd
