// Gemma 3 (text): norms of heads, and five layers of six slide, with a rope of their own.
#include "models/families.h"
#include "models/gemma.h"
#include "models/windows.h"

namespace mlxd {

namespace {

// Where layers slide nothing is far: the base is small and nothing is scaled.
nn::RopeConfig near_rope(const Config& c) {
  nn::RopeConfig rope = c.rope;
  rope.theta = c.fields().real("rope_local_base_freq", 1, 1e12, 10000);
  rope.scaling = {};
  return rope;
}

}  // namespace

std::unique_ptr<Model> make_gemma3(const Config& c, const nn::Weights& w) {
  const nn::Rope near(near_rope(c), c.head_dim), far(c.rope, c.head_dim);
  const int pattern = c.fields().integer("sliding_window_pattern", 1, 1 << 20, 6);
  const auto make_block = [&](const nn::Weights& layer, int index) {
    const auto window = patterned_window(c, index, pattern);
    const auto norm = [&](const char* name) {
      return gemma_norm(c, layer / "self_attn" / name, c.head_dim);
    };
    const nn::Attention attention(gemma_attention(c, window), window ? near : far,
                                  nn::HeadNorms{norm("q_norm"), norm("k_norm")});
    return Block(c, layer, attention, {gemma_norms(c, layer), biases_of(c)});
  };
  return std::make_unique<Decoder<Block>>(c, w, make_block, gemma_ends(c, w));
}

}  // namespace mlxd
