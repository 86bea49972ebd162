// See checkpoint.h.
#include "loader/checkpoint.h"

#include <stdexcept>

#include "loader/shards.h"

namespace mlxd {

namespace {

// MLX's CPU operations on 16-bit floats are scalar and round after every step: there, compute in
// float32. A GPU computes in the dtype of the file.
std::optional<mx::Dtype> compute_dtype() {
  if (mx::default_device() == mx::Device::cpu) return mx::float32;
  return std::nullopt;
}

void add_tensors(const Shard& shard, nn::Checkpoint& checkpoint) {
  auto [arrays, metadata] = mx::load_safetensors(shard.file.string());
  for (const TensorInfo& tensor : shard.tensors) {
    const auto found = arrays.find(tensor.name);
    if (found == arrays.end()) {
      throw std::runtime_error(shard.file.string() + ": " + tensor.name + " could not be read");
    }
    checkpoint.tensors.insert(*found);
  }
}

// Weights that a tensor stands for: a packed matrix unpacked, its scales and biases nothing.
int64_t count_parameters(const nn::Checkpoint& checkpoint, const std::string& name) {
  const auto dot = name.rfind('.');
  const std::string module = name.substr(0, dot == std::string::npos ? 0 : dot);
  const bool packed = checkpoint.tensors.contains(module + ".scales");
  const auto size = static_cast<int64_t>(checkpoint.tensors.at(name).size());
  if (!packed || !checkpoint.quantization) return size;
  if (name == module + ".scales" || name == module + ".biases") return 0;
  const auto scheme = nn::scheme_of(*checkpoint.quantization, module);
  return name == module + ".weight" && scheme ? size * 32 / scheme->bits : size;
}

}  // namespace

LoadedCheckpoint open_checkpoint(const std::filesystem::path& folder,
                                 std::optional<nn::Quantization> quantization) {
  LoadedCheckpoint loaded{};
  loaded.checkpoint.folder = folder.string();
  loaded.checkpoint.quantization = std::move(quantization);
  loaded.checkpoint.compute_dtype = compute_dtype();
  for (const Shard& shard : find_shards(folder)) add_tensors(shard, loaded.checkpoint);
  for (const auto& [name, tensor] : loaded.checkpoint.tensors) {
    loaded.bytes += tensor.nbytes();
    loaded.parameters += count_parameters(loaded.checkpoint, name);
  }
  return loaded;
}

}  // namespace mlxd
