// A decoder-only language model around blocks of any kind: embedding, blocks, final norm, output
// head.
#pragma once

#include <optional>
#include <vector>

#include "models/model.h"
#include "nn/output_head.h"

namespace mlxd {

/// `Block` has `mx::array operator()(x, step, layer)` and a member `attention` that makes its
/// cache.
template <class Block>
class Decoder : public Model {
 public:
  /// `make_block(weights, layer)` builds one block from the weights of its layer.
  template <class MakeBlock>
  Decoder(const Config& c, const nn::Weights& w, const MakeBlock& make_block)
      : embedding_(w / "model" / "embed_tokens", c.vocab_size, c.hidden_size),
        head_(make_head(c, w)) {
    for (int layer = 0; layer < c.layers; ++layer) {
      blocks_.push_back(make_block(w / "model" / "layers" / layer, layer));
    }
  }

  mx::array forward(const Step& step) const override {
    mx::array x = embedding_(step.tokens);
    for (size_t layer = 0; layer < blocks_.size(); ++layer) {
      x = blocks_[layer](x, step, static_cast<int>(layer));
    }
    return x;
  }

  mx::array logits(const mx::array& hidden) const override { return head_(hidden, embedding_); }

  SequenceCache make_cache() const override {
    SequenceCache cache;
    const mx::Dtype type = embedding_.dtype();
    for (const Block& block : blocks_) cache.layers.push_back(block.attention.make_cache(type));
    return cache;
  }

 private:
  static nn::OutputHead make_head(const Config& c, const nn::Weights& w) {
    nn::RmsNorm norm(w / "model" / "norm", c.hidden_size, c.norm_eps);
    const nn::Weights linear = w / "lm_head";
    if (!c.tie_word_embeddings.value_or(!linear.has("weight"))) {
      return {std::move(norm), nn::Linear(linear, c.hidden_size, c.vocab_size)};
    }
    linear.ignore();
    return {std::move(norm), std::nullopt};
  }

  nn::Embedding embedding_;
  std::vector<Block> blocks_;
  nn::OutputHead head_;
};

}  // namespace mlxd
