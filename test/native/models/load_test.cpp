// Folders that are wrong in some way: load_model says which file, key or tensor, and never crashes.
#include "models/load.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "damage.h"
#include "errors.h"
#include "golden.h"
#include "temp_folder.h"

namespace mlxd::test {

namespace {

// A copy of a fixture, to be damaged.
class Damaged {
 public:
  explicit Damaged(const std::string& name) { folder_.copy_from(fixture(name)); }

  Damaged& replace(const std::string& file, const std::string& from, const std::string& to) {
    replace_in(folder_, file, from, to);
    return *this;
  }

  template <class Edit>
  Damaged& edit_tensors(Edit edit) {
    edit_tensors_of(folder_, "model.safetensors", edit);
    return *this;
  }

  std::string error() const {
    return error_of([this] { load_model(folder_.path(), nullptr); });
  }

  const TempFolder& folder() const { return folder_; }

 private:
  TempFolder folder_;
};

// llama-mixed-quantized's config as that of the language model in a larger one.
template <class Renamed>
std::string vision_config(const Renamed& renamed) {
  return R"({"model_type": "vision_llama", "vision_config": {}, "eos_token_id": 94, "text_config": {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "vocab_size": 96,
    "max_position_embeddings": 512, "eos_token_id": 95, "sliding_window": 11,
    "layer_types": ["full_attention", "sliding_attention"]},
    "quantization": {"bits": 4, "group_size": 32, ")" +
         renamed("lm_head") +
         R"(": false, "vision_tower.layer": {"bits": 8, "group_size": 64}, ")" +
         renamed("model.layers.1.self_attn.v_proj") + R"(": {"bits": 8, "group_size": 64}, ")" +
         renamed("model.layers.0.mlp.down_proj") + R"(": {"bits": 6, "group_size": 32}}})";
}

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kShard = "model-00001-of-00002.safetensors";

}  // namespace

TEST_CASE("an unknown model_type lists the supported ones") {
  const std::string error =
      Damaged("qwen3").replace("config.json", "\"qwen3\"", "\"mamba\"").error();
  CHECK(says(error, "\"mamba\" is not supported"));
  for (const std::string& type : supported_model_types()) CHECK(says(error, type));
}

TEST_CASE("gpt-oss as OpenAI publishes it counts as in MLX's layout, and is checked") {
  const std::string blocks = "model.layers.1.mlp.experts.gate_up_proj_blocks";
  const LoadedModel loaded = load_model(fixture("gpt-oss-by-openai"), nullptr);
  const auto is_mxfp4 = [](const WeightShare& share) { return share.format == "mxfp4"; };
  const auto share = std::ranges::find_if(loaded.report.shares, is_mxfp4);
  REQUIRE(share != loaded.report.shares.end());
  CHECK(share->parameters == 2 * 4 * 3 * 32 * 32);  // layers, experts, matrices
  CHECK(says(Damaged("gpt-oss-by-openai")
                 .edit_tensors([&](Tensors& t) {
                   t.insert_or_assign(blocks, mx::zeros({4, 64, 16}, mx::uint8));
                 })
                 .error(),
             blocks + " must be uint8 [experts, rows, groups, 16]"));
  CHECK(says(Damaged("gpt-oss-by-openai")
                 .edit_tensors(
                     [&](Tensors& t) { t.erase("model.layers.1.mlp.experts.gate_up_proj_scales"); })
                 .error(),
             "model.layers.1.mlp.experts.gate_up_proj.scales is missing"));
}

TEST_CASE("a Ministral 3 says by how much its queries grow") {
  CHECK(says(Damaged("ministral3").replace("config.json", "llama_4_scaling_beta", "beta").error(),
             "rope_parameters.llama_4_scaling_beta is missing"));
  CHECK(says(Damaged("ministral3")
                 .replace("config.json", "\"original_max_position_embeddings\": 16",
                          "\"original_max_position_embeddings\": 0")
                 .error(),
             "rope_parameters.original_max_position_embeddings"));
}

TEST_CASE("tensors that do not fit the model are named") {
  CHECK(says(Damaged("qwen3")
                 .edit_tensors([](Tensors& t) { t.erase("model.layers.1.mlp.up_proj.weight"); })
                 .error(),
             "model.layers.1.mlp.up_proj.weight is missing"));
  CHECK(says(Damaged("qwen2-window")
                 .edit_tensors([](Tensors& t) { t.erase("model.layers.0.self_attn.k_proj.bias"); })
                 .error(),
             "model.layers.0.self_attn.k_proj.bias is missing"));
  CHECK(says(Damaged("qwen3")
                 .edit_tensors([](Tensors& t) { t.emplace("model.vision.weight", mx::ones({2})); })
                 .error(),
             "no place for 1 tensors, such as model.vision.weight"));
  CHECK(says(
      Damaged("qwen3").replace("config.json", "\"vocab_size\": 96", "\"vocab_size\": 95").error(),
      "model.embed_tokens.weight has the shape (96,64), the config asks for (95,64)"));
  CHECK(says(Damaged("qwen3")
                 .edit_tensors([](Tensors& t) {
                   t.insert_or_assign("model.norm.weight", mx::ones({64}, mx::int32));
                 })
                 .error(),
             "model.norm.weight must be of a float type"));
}

TEST_CASE("tables of rotary frequencies, and a head beside a tied embedding, are left aside") {
  Damaged damaged("llama-linear-rope-tied");
  damaged.edit_tensors([](Tensors& t) {
    t.emplace("model.layers.0.self_attn.rotary_emb.inv_freq", mx::ones({8}));
    t.emplace("lm_head.weight", mx::zeros({96, 64}));
  });
  CHECK(damaged.error() == "(no error)");
}

TEST_CASE("of a model that also sees the language model is loaded, from either layout") {
  struct Layout {
    std::string model, head, vision;  // what names begin with
  };
  for (const Layout& layout : {Layout{"language_model.model.", "language_model.", "vision_tower."},
                               Layout{"model.language_model.", "", "model.visual."}}) {
    CAPTURE(layout.model);
    const auto renamed = [&](const std::string& name) {
      return name.starts_with("lm_head") ? layout.head + name : layout.model + name.substr(6);
    };
    Damaged damaged("llama-mixed-quantized");
    damaged.folder().write("config.json", vision_config(renamed));
    damaged.edit_tensors([&](Tensors& tensors) {
      Tensors all{{layout.vision + "blocks.0.weight", mx::ones({7})},
                  {"multi_modal_projector.weight", mx::ones({3})}};
      for (const auto& [name, tensor] : tensors) all.emplace(renamed(name), tensor);
      tensors = std::move(all);
    });
    const LoadedModel loaded = load_model(damaged.folder().path(), nullptr);
    CHECK(loaded.report.left_out_bytes == 40);
    CHECK(loaded.config.eos_token_ids == std::vector<int>{94, 95});
    const Golden golden = read_golden("llama-mixed-quantized");
    CHECK(max_difference(Run(*loaded.model).feed(golden.prompt), golden.logits) < 1e-3f);
    damaged.edit_tensors([](Tensors& t) { t.emplace("other.weight", mx::ones({2})); });
    CHECK(says(damaged.error(), "no place for 1 tensors, such as other.weight"));
  }
}

TEST_CASE("without tie_word_embeddings the checkpoint decides") {
  Damaged untied("qwen3"), tied("llama-linear-rope-tied");
  untied.replace("config.json", "\"tie_word_embeddings\": false,", "");
  tied.replace("config.json", "\"tie_word_embeddings\": true,", "");
  for (const Damaged* folder : {&untied, &tied}) {
    const LoadedModel loaded = load_model(folder->folder().path(), nullptr);
    const Golden golden = read_golden(folder == &untied ? "qwen3" : "llama-linear-rope-tied");
    CHECK(max_difference(Run(*loaded.model).feed(golden.prompt), golden.logits) < 1e-3f);
  }
}

TEST_CASE("quantization that config and checkpoint do not agree on") {
  CHECK(says(
      Damaged("llama-mixed-quantized").replace("config.json", "\"bits\": 6", "\"bits\": 5").error(),
      "model.layers.0.mlp.down_proj.weight has the shape"));
  CHECK(says(Damaged("llama-mixed-quantized")
                 .replace("config.json", "\"model.layers.0.mlp.down_proj\"",
                          "\"model.layers.0.mlp.up_proj\": false, \"unused\"")
                 .error(),
             "model.layers.0.mlp.up_proj is quantized in the checkpoint, but not"));
  CHECK(says(Damaged("llama-mixed-quantized")
                 .edit_tensors([](Tensors& t) {
                   const auto& scales = t.at("model.layers.0.mlp.up_proj.scales");
                   t.insert_or_assign("model.layers.0.mlp.up_proj.scales",
                                      mx::astype(scales, mx::int32));
                 })
                 .error(),
             "model.layers.0.mlp.up_proj cannot be used"));
}

TEST_CASE("an index stays within its folder and tells the truth") {
  for (const std::string name : {"../x.safetensors", "/etc/passwd", "a/b.safetensors",
                                 "..\\\\x.safetensors", "..", "", "a\\u0000b"}) {
    CAPTURE(name);
    CHECK(says(Damaged("llama-sharded-biases").replace(kIndex, kShard, name).error(),
               "must name a file in the model's folder"));
  }
  CHECK(says(Damaged("llama-sharded-biases").replace(kIndex, kShard, "none.safetensors").error(),
             "none.safetensors: missing, though the index names it"));
  CHECK(says(Damaged("llama-sharded-biases")
                 .replace(kIndex, kShard, "model-00002-of-00002.safetensors")
                 .error(),
             "though the index says so"));
  CHECK(says(Damaged("llama-sharded-biases").replace(kIndex, "weight_map", "map").error(),
             "weight_map is missing"));
  CHECK(says(Damaged("llama-sharded-biases").replace(kIndex, "{", "[").error(), kIndex));

  const Damaged twice("llama-sharded-biases");
  std::filesystem::copy(twice.folder().path() / kShard, twice.folder().path() / "copy.safetensors");
  twice.folder().write(kIndex, std::string(R"({"weight_map":{"lm_head.weight":")") + kShard +
                                   R"(","model.layers.0.mlp.up_proj.bias":"copy.safetensors"}})");
  CHECK(says(twice.error(), "is also in"));
}

TEST_CASE("shards without an index are all read") {
  Damaged damaged("llama-sharded-biases");
  std::filesystem::remove(damaged.folder().path() / kIndex);
  std::filesystem::copy(adapter_of("llama-lora") / "adapters.safetensors",
                        damaged.folder().path() / "adapters.safetensors");
  const LoadedModel loaded = load_model(damaged.folder().path(), nullptr);
  const Golden golden = read_golden("llama-sharded-biases");
  CHECK(max_difference(Run(*loaded.model).feed(golden.prompt), golden.logits) < 1e-3f);
  std::filesystem::remove(damaged.folder().path() / kShard);
  CHECK(says(damaged.error(), "is missing from the checkpoint"));
}

TEST_CASE("missing and cut weights") {
  const Damaged none("qwen3");
  std::filesystem::remove(none.folder().path() / "model.safetensors");
  CHECK(says(none.error(), "holds neither model.safetensors nor"));

  const Damaged cut("qwen3");
  const std::string bytes = cut.folder().read("model.safetensors");
  for (const size_t length :
       {size_t{0}, size_t{5}, size_t{100}, bytes.size() / 2, bytes.size() - 1}) {
    cut.folder().write("model.safetensors", bytes.substr(0, length));
    CHECK(says(cut.error(), "model.safetensors: "));
  }
  CHECK(says(error_of([] { load_model("no/such/folder", nullptr); }), "no/such/folder"));
}

TEST_CASE("a damaged config loads or is refused, and never crashes") {
  const Damaged damaged("llama-llama3-rope");
  const std::string original = damaged.folder().read("config.json");
  std::mt19937 random(13);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string text = original;
    for (int edits = 1 + random() % 2; edits > 0; --edits) {
      text[random() % text.size()] = "0123456789-,\"e."[random() % 15];
    }
    damaged.folder().write("config.json", text);
    refused += damaged.error() != "(no error)";
  }
  CHECK(refused > 100);
}

}  // namespace mlxd::test
