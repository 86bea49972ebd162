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
  // clang-format off: one a line
  static const std::map<std::string, MakeModel> table{
      {"apertus", make_apertus},
      {"cohere", make_cohere},
      {"cohere2", make_cohere2},
      {"deepseek_v2", make_deepseek_v2},
      {"deepseek_v3", make_deepseek_v3},
      {"ernie4_5", make_ernie4_5},
      {"exaone4", make_exaone4},
      {"falcon_h1", make_falcon_h1},
      {"gemma", make_gemma},
      {"gemma2", make_gemma2},
      {"gemma3_text", make_gemma3},
      {"glm4", make_glm4},
      {"glm4_moe", make_glm4_moe},
      {"gpt_oss", make_gpt_oss},
      {"granite", make_granite},
      {"hunyuan_v1_dense", make_hunyuan_v1_dense},
      {"internlm2", make_internlm2},
      {"internlm3", make_internlm3},
      {"lfm2", make_lfm2},
      {"llama", make_llama},
      {"minicpm", make_minicpm},
      {"ministral", make_mistral},
      {"ministral3", make_ministral3},
      {"mistral", make_mistral},
      {"mixtral", make_mixtral},
      {"olmo2", make_olmo2},
      {"olmo3", make_olmo3},
      {"phi3", make_phi3},
      {"phimoe", make_phimoe},
      {"qwen2", make_qwen2},
      {"qwen2_moe", make_qwen2_moe},
      {"qwen3", make_qwen3},
      {"qwen3_moe", make_qwen3_moe},
      {"qwen3_next", make_qwen3_next},
      {"seed_oss", make_seed_oss},
      {"smollm3", make_smollm3},
      {"stablelm", make_stablelm},
      {"starcoder2", make_starcoder2},
  };
  // clang-format on
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
