// From a model folder's safetensors files to named tensors. Engine thread only: it makes arrays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "nn/weights.h"

namespace mlxd {

/// A checkpoint before any layer took from it, and its size.
struct LoadedCheckpoint {
  nn::Checkpoint checkpoint;
  size_t bytes;        // of all tensors, as stored
  int64_t parameters;  // weights before quantization
};

/// Opens model.safetensors, or the shards that model.safetensors.index.json names. Every header is
/// checked first; tensors stay lazy, nothing but headers is read here. Throws std::runtime_error
/// that names the file for a missing, cut or lying one.
LoadedCheckpoint open_checkpoint(const std::filesystem::path& folder,
                                 std::optional<nn::Quantization> quantization);

}  // namespace mlxd
