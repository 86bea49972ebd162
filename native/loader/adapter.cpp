// See adapter.h.
#include "loader/adapter.h"

#include <set>
#include <stdexcept>
#include <string>

#include "loader/fields.h"
#include "loader/json_file.h"
#include "loader/language_part.h"
#include "loader/safetensors_header.h"

namespace mlxd {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMostConfigBytes = 1 << 20;
constexpr int kMostRank = 1 << 14;
constexpr const char* kTensors = "adapters.safetensors";

nn::Adapter read_config(const fs::path& folder) {
  const fs::path file = folder / "adapter_config.json";
  if (!fs::exists(file)) {
    throw std::runtime_error(folder.string() + ": is no adapter, adapter_config.json is missing");
  }
  const json::Value value = read_json_file(file, kMostConfigBytes);
  const Fields fields(value, file.string());
  if (fields.has("peft_type")) {
    fields.fail("peft_type", "is of an adapter of PEFT; only those of mlx-lm are supported");
  }
  const std::string type = fields.string("fine_tune_type", "lora");
  if (type != "lora") {
    fields.fail("fine_tune_type", "\"" + type + "\" is not supported; supported is lora");
  }
  const auto parameters = fields.fields("lora_parameters");
  if (!parameters) throw std::runtime_error(file.string() + ": lora_parameters is missing");
  return {folder.string(), parameters->integer("rank", 1, kMostRank),
          parameters->real("scale", -1e6, 1e6)};
}

// The layer that a tensor belongs to; empty if its name is none of an adapter's.
std::string layer_of(const std::string& name) {
  const bool known = name.ends_with(".lora_a") || name.ends_with(".lora_b");
  return known ? name.substr(0, name.rfind('.')) : "";
}

void check_names(const fs::path& file, const std::vector<TensorInfo>& tensors) {
  std::set<std::string> names;
  for (const TensorInfo& tensor : tensors) names.insert(tensor.name);
  for (const std::string& name : names) {
    const std::string layer = layer_of(name);
    if (layer.empty()) {
      throw std::runtime_error(file.string() + ": " + name + " is no part of a LoRA adapter");
    }
    for (const char* part : {".lora_a", ".lora_b"}) {
      if (names.contains(layer + part)) continue;
      throw std::runtime_error(file.string() + ": " + layer + part + " is missing beside " + name);
    }
  }
}

}  // namespace

void add_adapter(const fs::path& folder, nn::Checkpoint& checkpoint) {
  checkpoint.adapter = read_config(folder);
  const fs::path file = folder / kTensors;
  if (!fs::exists(file)) throw std::runtime_error(file.string() + ": missing");
  check_names(file, read_safetensors_header(file));
  for (const auto& [name, tensor] : mx::load_safetensors(file.string()).first) {
    checkpoint.tensors.insert_or_assign(language_name(name).value_or(name), tensor);
  }
}

}  // namespace mlxd
