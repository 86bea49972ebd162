// config.json field by field. Ranges are far above any real model's: they keep later arithmetic
// from overflowing.
#include "loader/config.h"

#include <algorithm>

#include "loader/class_defaults.h"
#include "loader/fields.h"
#include "loader/json_file.h"
#include "loader/language_part.h"
#include "loader/quantization_config.h"
#include "loader/rope_config.h"

namespace mlxd {

namespace {

constexpr size_t kMostConfigBytes = 16 << 20;
constexpr int kMostLayers = 4096;
constexpr int kMostHeads = 1 << 12;
constexpr int kMostHeadDim = 1 << 14;
constexpr int kMostVocabulary = 1 << 24;

std::vector<LayerType> read_layer_types(const Fields& config, int layers) {
  const json::Value* value = config.find("layer_types");
  if (value == nullptr) return {};
  const auto* items = value->as<json::Array>();
  if (items == nullptr || items->size() != static_cast<size_t>(layers)) {
    config.fail("layer_types", "must be an array of num_hidden_layers strings");
  }
  std::vector<LayerType> types;
  for (const json::Value& item : *items) {
    const auto* name = item.as<std::string>();
    if (name != nullptr && *name == "full_attention") {
      types.push_back(LayerType::full_attention);
    } else if (name != nullptr && *name == "sliding_attention") {
      types.push_back(LayerType::sliding_attention);
    } else if (name != nullptr && *name == "linear_attention") {
      types.push_back(LayerType::linear_attention);
    } else if (name != nullptr && *name == "conv") {
      types.push_back(LayerType::convolution);
    } else {
      config.fail("layer_types",
                  "may hold only \"full_attention\", \"sliding_attention\", "
                  "\"linear_attention\" and \"conv\"");
    }
  }
  return types;
}

void add_eos(const Fields& fields, std::vector<int>& ids) {
  const json::Value* value = fields.find("eos_token_id");
  if (value == nullptr) return;
  const auto* array = value->as<json::Array>();
  for (const json::Value& item : array != nullptr ? *array : json::Array{*value}) {
    const auto* id = item.as<int64_t>();
    if (id == nullptr || *id < 0 || *id >= kMostVocabulary) {
      fields.fail("eos_token_id", "must be a token id or an array of token ids");
    }
    ids.push_back(static_cast<int>(*id));
  }
}

std::vector<int> read_eos(const Config& config, const std::filesystem::path& folder) {
  std::vector<int> ids;
  add_eos(config.whole(), ids);
  add_eos(config.fields(), ids);
  const auto file = folder / "generation_config.json";
  if (std::filesystem::exists(file)) {
    const json::Value value = read_json_file(file, kMostConfigBytes);
    add_eos(Fields(value, file.string()), ids);
  }
  std::ranges::sort(ids);
  const auto repeats = std::ranges::unique(ids);
  ids.erase(repeats.begin(), repeats.end());
  return ids;
}

void read_sizes(const Fields& fields, Config& c) {
  c.vocab_size = fields.integer("vocab_size", 1, kMostVocabulary);
  c.hidden_size = fields.integer("hidden_size", 1, kMostWidth);
  // LFM2's own name counts where its config has both.
  c.intermediate_size = fields.integer(
      fields.has("block_ff_dim") ? "block_ff_dim" : "intermediate_size", 1, kMostWidth);
  c.layers = fields.integer("num_hidden_layers", 1, kMostLayers);
  c.heads = fields.integer("num_attention_heads", 1, kMostHeads);
  c.kv_heads = fields.integer("num_key_value_heads", 1, c.heads, c.heads);
  if (c.heads % c.kv_heads != 0) {
    fields.fail("num_key_value_heads", "must divide num_attention_heads");
  }
  if (!fields.has("head_dim") && c.hidden_size % c.heads != 0) {
    fields.fail("num_attention_heads", "must divide hidden_size when there is no head_dim");
  }
  c.head_dim = fields.integer("head_dim", 2, kMostHeadDim, c.hidden_size / c.heads);
  if (c.head_dim % 2 != 0) fields.fail("head_dim", "must be even");
  c.max_position_embeddings = fields.integer("max_position_embeddings", 1, kMostPositions);
}

// Under the name that the family's authors gave it.
float read_norm_eps(const Fields& fields) {
  const char* const usual = "rms_norm_eps";
  for (const char* key :
       {usual, "layer_norm_eps", "norm_epsilon", "layer_norm_epsilon", "norm_eps"}) {
    if (fields.has(key)) return fields.real(key, 0.0, 1.0);
  }
  return fields.real(usual, 0.0, 1.0);
}

void read_attention_windows(const Fields& fields, Config& c) {
  if (fields.has("sliding_window")) {
    c.sliding_window = fields.integer("sliding_window", 1, kMostPositions);
  }
  c.use_sliding_window = fields.boolean("use_sliding_window", false);
  c.max_window_layers = fields.integer("max_window_layers", 0, kMostLayers, 28);
  c.layer_types = read_layer_types(fields, c.layers);
}

// By the names that modules have in the language model.
nn::Quantization::Overrides of_language(const nn::Quantization::Overrides& all) {
  nn::Quantization::Overrides own;
  for (const auto& [path, scheme] : all) {
    if (const auto name = language_name(path)) own.emplace(*name, scheme);
  }
  return own;
}

}  // namespace

// Gemma's configs name one twice; the newer name counts.
kernels::Activation Config::activation() const {
  using kernels::Activation;
  const Fields config = fields();
  const char* key = config.has("hidden_activation") ? "hidden_activation" : "hidden_act";
  const std::string name = config.string(key, "silu");
  if (name == "silu") return Activation::silu;
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new") return Activation::gelu_tanh;
  config.fail(key, "\"" + name +
                       "\" is not supported; supported are silu, gelu, gelu_new and "
                       "gelu_pytorch_tanh");
}

Config load_config(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  Config c{};
  c.source = std::make_shared<ConfigSource>(
      ConfigSource{with_class_defaults(read_json_file(file, kMostConfigBytes)), file.string()});
  const Fields fields = c.fields();
  c.model_type = fields.string("model_type");
  read_sizes(fields, c);
  c.norm_eps = read_norm_eps(fields);
  if (fields.has("tie_word_embeddings")) {
    c.tie_word_embeddings = fields.boolean("tie_word_embeddings", false);
  }
  c.attention_bias = fields.boolean("attention_bias", false);
  c.mlp_bias = fields.boolean("mlp_bias", false);
  c.rope = read_rope(fields);
  read_attention_windows(fields, c);
  c.eos_token_ids = read_eos(c, folder);
  c.quantization = read_quantization(c.whole());
  if (!c.quantization) c.quantization = read_quantization(fields);
  if (c.quantization && c.has_other_parts()) {
    c.quantization->overrides = of_language(c.quantization->overrides);
  }
  return c;
}

}  // namespace mlxd
