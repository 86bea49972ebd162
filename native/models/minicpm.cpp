// MiniCPM 1 and 2: Llama's block, scaled with depth and width as the models' own code does, tied or
// not.
#include <cmath>

#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"

namespace mlxd {

std::unique_ptr<Model> make_minicpm(const Config& c, const nn::Weights& w) {
  constexpr double kMost = 1e6;
  const Fields fields = c.fields();
  const nn::Rope rope(c.rope, c.head_dim);
  const float residual_scale =
      fields.real("scale_depth", 0, kMost) / std::sqrt(static_cast<float>(c.layers));
  const int base_width = fields.integer("dim_model_base", 1, 1 << 20);
  return std::make_unique<Decoder<Block>>(
      c, w,
      [&](const nn::Weights& layer, int) {
        return Block(c, layer, nn::Attention(attention_shape(c, std::nullopt), rope),
                     {pre_norms(c, layer), biases_of(c), residual_scale});
      },
      DecoderEnds{.embedding_scale = fields.real("scale_emb", 0, kMost),
                  .logit_scale = static_cast<float>(base_width) / c.hidden_size});
}

}  // namespace mlxd
