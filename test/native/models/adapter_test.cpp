// LoRA adapters: that they change what a model says is in golden_test.cpp; here, those that do not
// fit.
#include <doctest/doctest.h>

#include "damage.h"
#include "errors.h"
#include "golden.h"
#include "temp_folder.h"

namespace mlxd::test {

namespace {

constexpr const char* kModel = "llama-lora";
constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kQuery = "model.layers.1.self_attn.q_proj";

// A copy of the fixture's adapter, to be damaged.
class DamagedAdapter {
 public:
  DamagedAdapter() { folder_.copy_from(adapter_of(kModel)); }

  DamagedAdapter& replace(const std::string& from, const std::string& to) {
    replace_in(folder_, kConfig, from, to);
    return *this;
  }

  template <class Edit>
  DamagedAdapter& edit_tensors(Edit edit) {
    edit_tensors_of(folder_, "adapters.safetensors", edit);
    return *this;
  }

  std::string error() const {
    return error_of([this] { load_model(fixture(kModel), nullptr, folder_.path()); });
  }

  const TempFolder& folder() const { return folder_; }

 private:
  TempFolder folder_;
};

std::string part(const char* name) { return std::string(kQuery) + name; }

}  // namespace

TEST_CASE("an adapter changes the logits by the product of its parts") {
  const Golden golden = read_golden(kModel);
  const auto difference = [&](const std::filesystem::path& adapter) {
    const LoadedModel loaded = load_model(fixture(kModel), nullptr, adapter);
    return max_difference(Run(*loaded.model).feed(golden.prompt), golden.logits);
  };
  CHECK(difference({}) > 0.1f);

  // Half the scale, and twice the product.
  DamagedAdapter same;
  same.replace("2.5", "1.25").edit_tensors([](Tensors& tensors) {
    for (auto& [name, tensor] : tensors) {
      tensor = tensor * mx::array(name.ends_with("a") ? 0.125f : 16.0f);
    }
  });
  CHECK(difference(same.folder().path()) < 1e-3f);

  DamagedAdapter nothing;
  nothing.edit_tensors([](Tensors& tensors) { tensors.clear(); });
  const float plain = difference({});
  CHECK(difference(nothing.folder().path()) == plain);
}

TEST_CASE("adapters that do not fit the model are refused, and say where") {
  CHECK(says(DamagedAdapter()
                 .edit_tensors([](Tensors& t) {
                   for (const char* name : {"lora_a", "lora_b"}) {
                     t.emplace(std::string("model.layers.7.mlp.up_proj.") + name, mx::ones({4, 4}));
                   }
                 })
                 .error(),
             "no linear layer for the adapter's model.layers.7.mlp.up_proj.lora_a"));
  CHECK(says(DamagedAdapter()
                 .edit_tensors([](Tensors& t) {
                   for (const char* name : {"lora_a", "lora_b"}) {
                     t.emplace(std::string("model.embed_tokens.") + name, mx::ones({4, 4}));
                   }
                 })
                 .error(),
             "no linear layer for the adapter's model.embed_tokens.lora_a"));
  CHECK(says(
      DamagedAdapter()
          .edit_tensors([](Tensors& t) { t.insert_or_assign(part(".lora_a"), mx::ones({32, 4})); })
          .error(),
      part(".lora_a has the shape (32,4)")));
  CHECK(says(DamagedAdapter().replace("\"rank\": 4", "\"rank\": 8").error(), "has the shape"));
  CHECK(says(DamagedAdapter()
                 .edit_tensors([](Tensors& t) {
                   t.insert_or_assign(part(".lora_b"), mx::ones({4, 64}, mx::int32));
                 })
                 .error(),
             part(".lora_b must be of a float type")));
}

TEST_CASE("what is no LoRA adapter of mlx-lm is refused by name") {
  CHECK(says(DamagedAdapter().edit_tensors([](Tensors& t) { t.erase(part(".lora_b")); }).error(),
             part(".lora_b is missing beside")));
  CHECK(says(DamagedAdapter()
                 .edit_tensors([](Tensors& t) { t.emplace(part(".m"), mx::ones({64})); })
                 .error(),
             "is no part of a LoRA adapter"));
  CHECK(
      says(DamagedAdapter().replace("\"lora\"", "\"dora\"").error(), "\"dora\" is not supported"));
  CHECK(says(DamagedAdapter().replace("\"scale\"", "\"alpha\"").error(),
             "lora_parameters.scale is missing"));
  CHECK(says(DamagedAdapter().replace("\"lora_parameters\"", "\"parameters\"").error(),
             "lora_parameters is missing"));
  CHECK(says(DamagedAdapter().replace("\"num_layers\"", "\"peft_type\"").error(), "PEFT"));
  const DamagedAdapter none;
  std::filesystem::remove(none.folder().path() / "adapters.safetensors");
  CHECK(says(none.error(), "adapters.safetensors: missing"));
  std::filesystem::remove(none.folder().path() / kConfig);
  CHECK(says(none.error(), "is no adapter"));
}

}  // namespace mlxd::test
