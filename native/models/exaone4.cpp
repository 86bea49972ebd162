// EXAONE 4: norms after the halves of a block, and on each head; where some layers slide, only
// those have positions.
#include "models/block.h"
#include "models/decoder.h"
#include "models/families.h"
#include "models/windows.h"

namespace mlxd {

std::unique_ptr<Model> make_exaone4(const Config& c, const nn::Weights& w) {
  const nn::Rope rope(c.rope, c.head_dim);
  if (c.sliding_window && c.layer_types.empty()) c.fields().fail("layer_types", "is missing");
  return std::make_unique<Decoder<Block>>(c, w, [&](const nn::Weights& layer, int index) {
    const auto window = c.sliding_window ? listed_window(c, index) : std::nullopt;
    const nn::Attention attention(attention_shape(c, window),
                                  window || !c.sliding_window ? rope : nn::Rope::none(),
                                  head_norms(c, layer));
    return Block(c, layer, attention, {post_norms(c, layer), biases_of(c)});
  });
}

}  // namespace mlxd
