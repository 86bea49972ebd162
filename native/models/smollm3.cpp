// SmolLM3: Llama's block; some layers have no positions.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "models/windows.h"

namespace mlxd {

namespace {

// Which layers rotate: `no_rope_layers` has a 1 for each that does; without it every fourth does
// not.
std::vector<bool> rotating_layers(const Config& c) {
  const Fields fields = c.fields();
  std::vector<bool> rotates;
  const json::Value* listed = fields.find("no_rope_layers");
  if (listed == nullptr) {
    const int interval = fields.integer("no_rope_layer_interval", 1, 1 << 12, 4);
    for (int i = 0; i < c.layers; ++i) rotates.push_back((i + 1) % interval != 0);
    return rotates;
  }
  const auto* items = listed->as<json::Array>();
  for (const json::Value& item : items != nullptr ? *items : json::Array{}) {
    const auto* flag = item.as<int64_t>();
    rotates.push_back(flag != nullptr && *flag != 0);
  }
  if (rotates.size() != static_cast<size_t>(c.layers)) {
    fields.fail("no_rope_layers", "must be an array of num_hidden_layers numbers");
  }
  return rotates;
}

}  // namespace

std::unique_ptr<Model> make_smollm3(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  const std::vector<bool> rotates = rotating_layers(c);
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto shape = attention_shape(c, listed_window(c, index));
    const nn::Attention attention(shape, rotates[index] ? rope : nn::Rope::none());
    return Block(c, layer, attention, {pre_norms(c, layer), biases_of(c)});
  });
}

}  // namespace mlxd
