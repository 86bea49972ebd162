// ERNIE 4.5 (dense): Llama's block with a rope of neighbours.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"

namespace mlxd {

std::unique_ptr<Model> make_ernie4_5(const Config& c, const nn::Weights& w) {
  nn::RopeConfig neighbours = c.rope;
  neighbours.traditional = true;
  const nn::Rope rope(neighbours, c.head_dim);
  const auto bias =
      c.fields().boolean("use_bias", false) ? nn::Bias::required : nn::Bias::if_present;
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int) {
    return Block(c, layer, nn::Attention(attention_shape(c, std::nullopt), rope),
                 {pre_norms(c, layer), {bias, bias, bias}});
  });
}

}  // namespace mlxd
