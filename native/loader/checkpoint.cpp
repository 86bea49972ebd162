// See checkpoint.h.
#include "loader/checkpoint.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "loader/language_part.h"
#include "loader/shards.h"

namespace mlxd {

namespace {

constexpr std::string_view kBlocks = "_blocks";

// MLX's CPU operations on 16-bit floats are scalar and round after every step: there, compute in
// float32. A GPU computes in the dtype of the file.
std::optional<mx::Dtype> compute_dtype() {
  if (mx::default_device() == mx::Device::cpu) return mx::float32;
  return std::nullopt;
}

void add_tensors(const Shard& shard, bool has_other_parts, LoadedCheckpoint& loaded) {
  auto [arrays, metadata] = mx::load_safetensors(shard.file.string());
  for (const TensorInfo& tensor : shard.tensors) {
    const auto found = arrays.find(tensor.name);
    if (found == arrays.end()) {
      throw std::runtime_error(shard.file.string() + ": " + tensor.name + " could not be read");
    }
    const auto name = has_other_parts ? language_name(tensor.name) : tensor.name;
    if (!name) {
      loaded.left_out_bytes += found->second.nbytes();
    } else if (!loaded.checkpoint.tensors.emplace(*name, found->second).second) {
      throw std::runtime_error(shard.file.string() + ": " + tensor.name + " is there twice");
    }
  }
}

// Experts that OpenAI published get MLX's names and form: of a layer X there are X_blocks, bytes
// [experts, rows, groups, 16], X_scales and X_bias.
void rename_blocks(nn::Checkpoint& checkpoint) {
  auto& tensors = checkpoint.tensors;
  std::vector<std::string> layers;
  for (const auto& [name, tensor] : tensors) {
    if (!name.ends_with(kBlocks)) continue;
    if (tensor.ndim() != 4 || tensor.shape(3) != 16 || tensor.dtype() != mx::uint8) {
      throw std::runtime_error(checkpoint.folder + ": " + name +
                               " must be uint8 [experts, rows, groups, 16]");
    }
    layers.push_back(name.substr(0, name.size() - kBlocks.size()));
  }
  const auto rename = [&](const std::string& from, const std::string& to) {
    auto node = tensors.extract(from);
    if (node.empty()) return;
    node.key() = to;
    if (tensors.insert(std::move(node)).inserted) return;
    throw std::runtime_error(checkpoint.folder + ": " + to + " is there twice, in two layouts");
  };
  for (const std::string& layer : layers) {
    mx::array& blocks = tensors.at(layer + std::string(kBlocks));
    blocks = mx::flatten(mx::view(blocks, mx::uint32), 2, 3);
    rename(layer + std::string(kBlocks), layer + ".weight");
    rename(layer + "_scales", layer + ".scales");
    rename(layer + "_bias", layer + ".bias");
  }
}

std::string type_name(mx::Dtype type) {
  std::ostringstream text;
  text << type;
  return text.str();
}

// What one tensor adds. A packed matrix counts unpacked, its scales and biases as nothing.
WeightShare share_of(const nn::Checkpoint& checkpoint, const std::string& name) {
  const mx::array& tensor = checkpoint.tensors.at(name);
  const auto size = static_cast<int64_t>(tensor.size());
  const auto dot = name.rfind('.');
  const std::string module = name.substr(0, dot == std::string::npos ? 0 : dot);
  const bool packed = checkpoint.quantization && checkpoint.tensors.contains(module + ".scales");
  const auto scheme = packed ? nn::scheme_of(*checkpoint.quantization, module) : std::nullopt;
  const bool weight = name == module + ".weight";
  if (!scheme || !(weight || name == module + ".scales" || name == module + ".biases")) {
    const int bits = 8 * static_cast<int>(mx::size_of(tensor.dtype()));
    return {type_name(tensor.dtype()), bits, 0, size, tensor.nbytes()};
  }
  return {kernels::mode_name(scheme->mode), scheme->bits, scheme->group_size,
          weight ? size * 32 / scheme->bits : 0, tensor.nbytes()};
}

std::vector<WeightShare> shares_of(const nn::Checkpoint& checkpoint) {
  std::map<std::tuple<std::string, int, int>, WeightShare> found;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const WeightShare one = share_of(checkpoint, name);
    const auto [entry, added] = found.try_emplace({one.format, one.bits, one.group_size}, one);
    if (added) continue;
    entry->second.parameters += one.parameters;
    entry->second.bytes += one.bytes;
  }
  std::vector<WeightShare> shares;
  for (auto& [key, share] : found) shares.push_back(std::move(share));
  std::ranges::sort(shares, std::greater(), &WeightShare::bytes);
  return shares;
}

}  // namespace

LoadedCheckpoint open_checkpoint(const std::filesystem::path& folder,
                                 std::optional<nn::Quantization> quantization,
                                 bool has_other_parts) {
  LoadedCheckpoint loaded{};
  loaded.checkpoint.folder = folder.string();
  loaded.checkpoint.quantization = std::move(quantization);
  loaded.checkpoint.compute_dtype = compute_dtype();
  for (const Shard& shard : find_shards(folder)) add_tensors(shard, has_other_parts, loaded);
  rename_blocks(loaded.checkpoint);
  loaded.shares = shares_of(loaded.checkpoint);
  for (const WeightShare& share : loaded.shares) {
    loaded.bytes += share.bytes;
    loaded.parameters += share.parameters;
  }
  return loaded;
}

}  // namespace mlxd
