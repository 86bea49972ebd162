// Seed-OSS: Llama's block whose attention has biases at its entry or at its exit, as the config
// says.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"

namespace mlxd {

std::unique_ptr<Model> make_seed_oss(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  BlockBiases biases = biases_of(c);
  biases.out =
      c.fields().boolean("attention_out_bias", false) ? nn::Bias::required : nn::Bias::if_present;
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int) {
    return Block(c, layer, nn::Attention(attention_shape(c, std::nullopt), rope),
                 {pre_norms(c, layer), biases});
  });
}

}  // namespace mlxd
