// See shards.h.
#include "loader/shards.h"

#include <map>
#include <set>
#include <stdexcept>

#include "loader/fields.h"
#include "loader/json_file.h"

namespace mlxd {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMostIndexBytes = 64 << 20;

// Files, and the tensors that an index places in each.
using Index = std::map<std::string, std::set<std::string>>;

// A shard lies in the model's folder itself: its name must be a plain file name.
bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\:\0", 4)) == std::string::npos;
}

Index read_index(const fs::path& file) {
  const json::Value value = read_json_file(file, kMostIndexBytes);
  const auto weight_map = Fields(value, file.string()).fields("weight_map");
  if (!weight_map) throw std::runtime_error(file.string() + ": weight_map is missing");
  Index index;
  for (const json::Member& member : weight_map->object().members()) {
    const std::string shard = weight_map->string(member.key);
    if (!is_plain_file_name(shard)) {
      weight_map->fail(member.key, "must name a file in the model's folder");
    }
    index[shard].insert(member.key);
  }
  if (index.empty()) throw std::runtime_error(file.string() + ": weight_map is empty");
  return index;
}

// Without an index: all files whose names say that they are of the model.
Index find_files(const fs::path& folder) {
  Index files;
  std::error_code error;  // a folder that is not there holds no files
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("model") && name.ends_with(".safetensors")) files[name];
  }
  if (!files.empty()) return files;
  throw std::runtime_error(folder.string() + ": holds neither model.safetensors nor " +
                           "model.safetensors.index.json");
}

Shard read_shard(const fs::path& file, const std::set<std::string>& expected) {
  if (!fs::exists(file)) {
    throw std::runtime_error(file.string() + ": missing, though the index names it; " +
                             "is the download complete?");
  }
  Shard shard{file, read_safetensors_header(file)};
  std::set<std::string> absent = expected;
  for (const TensorInfo& tensor : shard.tensors) absent.erase(tensor.name);
  if (!absent.empty()) {
    throw std::runtime_error(file.string() + ": has no tensor " + *absent.begin() +
                             ", though the index says so");
  }
  return shard;
}

void check_unique(const std::vector<Shard>& shards) {
  std::map<std::string_view, const Shard*> owners;
  for (const Shard& shard : shards) {
    for (const TensorInfo& tensor : shard.tensors) {
      const auto [owner, added] = owners.emplace(tensor.name, &shard);
      if (!added) {
        throw std::runtime_error(shard.file.string() + ": " + tensor.name + " is also in " +
                                 owner->second->file.filename().string());
      }
    }
  }
}

}  // namespace

std::vector<Shard> find_shards(const fs::path& folder) {
  const fs::path index = folder / "model.safetensors.index.json";
  std::vector<Shard> shards;
  for (const auto& [name, tensors] : fs::exists(index) ? read_index(index) : find_files(folder)) {
    shards.push_back(read_shard(folder / name, tensors));
  }
  check_unique(shards);
  return shards;
}

}  // namespace mlxd
