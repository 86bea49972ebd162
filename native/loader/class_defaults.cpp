// See class_defaults.h.
#include "loader/class_defaults.h"

#include <algorithm>

namespace mlxd {

namespace {

// Those Gemma 3 that also see say only in what their language models differ from this.
constexpr std::string_view kGemma3 = R"({
  "vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
  "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 131072,
  "rms_norm_eps": 1e-6, "rope_theta": 1e6, "query_pre_attn_scalar": 256})";

json::Object completed(const json::Object& config) {
  const json::Value* type = config.find("model_type");
  const std::string* name = type ? type->as<std::string>() : nullptr;
  if (name == nullptr || *name != "gemma3_text") return config;
  std::vector<json::Member> members = config.members();
  const json::Value defaults = json::parse(kGemma3);
  std::ranges::copy_if(defaults.as<json::Object>()->members(), std::back_inserter(members),
                       [&](const json::Member& m) { return config.find(m.key) == nullptr; });
  return json::Object(std::move(members));
}

}  // namespace

json::Value with_class_defaults(json::Value config) {
  const auto* whole = config.as<json::Object>();
  if (whole == nullptr) return config;
  const json::Value* text = whole->find("text_config");
  const json::Object* inner = text ? text->as<json::Object>() : nullptr;
  if (inner == nullptr) return json::Value(completed(*whole));
  std::vector<json::Member> members = whole->members();
  const auto place = std::ranges::find(members, "text_config", &json::Member::key);
  place->value = json::Value(completed(*inner));
  return json::Value(json::Object(std::move(members)));
}

}  // namespace mlxd
