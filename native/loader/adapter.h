// A LoRA adapter in mlx-lm's format, read into the checkpoint that it is for. Engine thread only:
// it makes arrays.
#pragma once

#include <filesystem>

#include "nn/weights.h"

namespace mlxd {

/// Adds the tensors of `folder`/adapters.safetensors to `checkpoint`, where the linear layers that
/// they change find them: lazy, as its own are. Throws std::runtime_error that names file and key
/// for a folder that is no such adapter, and for kinds other than LoRA. Whether its tensors fit the
/// layers, and whether there are such layers, shows when the model is built.
void add_adapter(const std::filesystem::path& folder, nn::Checkpoint& checkpoint);

}  // namespace mlxd
