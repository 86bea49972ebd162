// Which safetensors files make up a model folder, and which tensor lies in which. No MLX here.
#pragma once

#include <filesystem>
#include <vector>

#include "loader/safetensors_header.h"

namespace mlxd {

struct Shard {
  std::filesystem::path file;
  std::vector<TensorInfo> tensors;
};

/// The files of model.safetensors.index.json, or without that all that are named
/// model*.safetensors, with checked headers. Throws std::runtime_error when neither is there, when
/// the index names a file outside the folder, a missing file or a tensor that its file lacks, and
/// when two files hold a tensor of one name.
std::vector<Shard> find_shards(const std::filesystem::path& folder);

}  // namespace mlxd
