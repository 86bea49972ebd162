// model_type -> the function that builds it. A table, because static registrars vanish from static
// libraries.
#include <map>
#include <stdexcept>

#include "models/families.h"
#include "models/model.h"

namespace mlxd {

namespace {

using MakeModel = std::unique_ptr<Model> (*)(const Config&, const nn::Weights&);

const std::map<std::string, MakeModel>& registry() {
  static const std::map<std::string, MakeModel> table{
      {"llama", make_llama}, {"mistral", make_mistral}, {"mixtral", make_mixtral},
      {"qwen2", make_qwen2}, {"qwen3", make_qwen3},     {"qwen3_moe", make_qwen3_moe},
  };
  return table;
}

}  // namespace

std::unique_ptr<Model> make_model(const Config& config, const nn::Weights& weights) {
  const auto found = registry().find(config.model_type);
  if (found == registry().end()) {
    std::string known;
    for (const std::string& type : supported_model_types()) {
      known += (known.empty() ? "" : ", ") + type;
    }
    throw std::runtime_error("config.json: model_type \"" + config.model_type +
                             "\" is not supported; supported are " + known);
  }
  return found->second(config, weights);
}

std::vector<std::string> supported_model_types() {
  std::vector<std::string> types;
  for (const auto& [type, make] : registry()) types.push_back(type);
  return types;
}

}  // namespace mlxd
