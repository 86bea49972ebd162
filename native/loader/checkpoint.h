// From a model folder's safetensors files to named tensors. Engine thread only: it makes arrays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nn/weights.h"

namespace mlxd {

/// The tensors of a checkpoint that are stored alike, scales and biases with their weights.
struct WeightShare {
  std::string format;  // as MLX names the mode of quantization, or the type of dense tensors
  int bits;            // of a weight
  int group_size;      // 0 if dense
  int64_t parameters;  // weights before quantization
  size_t bytes;        // as stored
};

/// A checkpoint before any layer took from it, and what is in it.
struct LoadedCheckpoint {
  nn::Checkpoint checkpoint;
  size_t left_out_bytes;            // of tensors that are not of the language model
  std::vector<WeightShare> shares;  // the largest first
  size_t bytes;                     // of all tensors, as stored
  int64_t parameters;               // weights before quantization
};

/// Opens model.safetensors, or the shards that model.safetensors.index.json names. Every header is
/// checked first; tensors stay lazy, nothing but headers is read here. Throws std::runtime_error
/// that names the file for a missing, cut or lying one. Of a model that `has_other_parts` only the
/// language model's tensors are taken, by their names in it.
LoadedCheckpoint open_checkpoint(const std::filesystem::path& folder,
                                 std::optional<nn::Quantization> quantization,
                                 bool has_other_parts = false);

}  // namespace mlxd
