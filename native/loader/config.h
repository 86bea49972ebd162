// What config.json and generation_config.json say of a model, typed and range-checked. Any thread.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/activation.h"
#include "loader/fields.h"
#include "nn/quantization.h"
#include "nn/rope_config.h"

namespace mlxd {

enum class LayerType { full_attention, sliding_attention, linear_attention, convolution };

/// Above any real model's: they keep later arithmetic from overflowing.
inline constexpr int kMostWidth = 1 << 20;
inline constexpr int kMostExperts = 1 << 12;

/// A file as it was parsed, with what it leaves to its class.
struct ConfigSource {
  json::Value value;
  std::string file;
};

struct Config {
  std::string model_type;
  int vocab_size;
  int hidden_size;
  int intermediate_size;
  int layers;
  int heads;
  int kv_heads;
  int head_dim;
  float norm_eps;                           // added to the variance, under whichever name
  int max_position_embeddings;              // the longest context, prompt and answer together
  std::optional<bool> tie_word_embeddings;  // absent: tied if the checkpoint has no lm_head
  bool attention_bias;
  bool mlp_bias;
  nn::RopeConfig rope;

  std::optional<int>
      sliding_window;       // tokens that a query of a sliding layer sees, itself included
  bool use_sliding_window;  // Qwen: sliding_window counts only when this is set
  int max_window_layers;    // Qwen: layers from this one on slide
  std::vector<LayerType> layer_types;  // one a layer, or empty when the config has no such list

  std::vector<int> eos_token_ids;  // of both files, sorted, each once; may be empty
  std::optional<nn::Quantization> quantization;

  std::shared_ptr<const ConfigSource> source;

  /// Of the MLP. Throws when the config names one that is not among them.
  kernels::Activation activation() const;

  /// config.json itself, and of a model that also sees or hears the part on its language model: for
  /// what only one family asks for.
  Fields whole() const { return {source->value, source->file}; }
  Fields fields() const { return whole().fields("text_config").value_or(whole()); }
  bool has_other_parts() const { return whole().has("text_config"); }
};

/// Reads `folder`/config.json, and generation_config.json when there is one.
/// Throws std::runtime_error that names file and key. Does not judge `model_type`: the registry
/// does.
Config load_config(const std::filesystem::path& folder);

}  // namespace mlxd
