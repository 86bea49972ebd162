// A decoder-only language model around blocks of any kind: embedding, blocks, final norm, output
// head.
#pragma once

#include <optional>
#include <vector>

#include "models/model.h"
#include "nn/output_head.h"
#include "nn/recorded_layers.h"

namespace mlxd {

/// What some families have around their blocks.
struct DecoderEnds {
  float embedding_scale = 1;            // of what blocks get
  float logit_scale = 1;                // of the result
  std::optional<float> logit_cap = {};  // logits become cap * tanh(logit / cap)
  std::optional<nn::Norm> norm = {};    // the final one; RMS norm of `model.norm` without
};

/// `Block` has `add_caches(type, cache)`, which adds those that its layer keeps of a sequence, and
/// `mx::array operator()(x, step, place)`, which finds them in a step's caches from `place` on.
template <class Block>
class Decoder : public Model {
 public:
  /// `make_block(weights, layer)` builds one block from the weights of its layer.
  template <class MakeBlock>
  Decoder(const Config& c, const nn::Weights& w, const MakeBlock& make_block,
          const DecoderEnds& ends = {})
      : embedding_(w / "model" / "embed_tokens", c.vocab_size, c.hidden_size),
        embedding_scale_(ends.embedding_scale),
        head_(make_head(c, w, ends)),
        logit_cap_(ends.logit_cap) {
    SequenceCache empty;
    for (int layer = 0; layer < c.layers; ++layer) {
      places_.push_back(static_cast<int>(empty.layers.size()));
      blocks_.push_back(make_block(w / "model" / "layers" / layer, layer));
      blocks_.back().add_caches(embedding_.dtype(), empty);
    }
    recorded_ = nn::RecordedLayers::record(
        c.hidden_size, std::move(empty),
        [this](const mx::array& x, const Step& step) { return run_blocks(x, step); });
  }

  mx::array forward(const Step& step) const override {
    mx::array x = embedding_(step.tokens);
    if (embedding_scale_ != 1) x = x * mx::array(embedding_scale_, x.dtype());
    return recorded_ && recorded_->take(x) ? (*recorded_)(x, step) : run_blocks(x, step);
  }

  mx::array logits(const mx::array& hidden) const override {
    const mx::array logits = head_(hidden, embedding_);
    if (!logit_cap_) return logits;
    const mx::array cap(*logit_cap_, logits.dtype());
    return cap * mx::tanh(logits / cap);
  }

  SequenceCache make_cache() const override {
    SequenceCache cache;
    const mx::Dtype type = embedding_.dtype();
    for (const Block& block : blocks_) block.add_caches(type, cache);
    return cache;
  }

 private:
  mx::array run_blocks(mx::array x, const Step& step) const {
    for (size_t layer = 0; layer < blocks_.size(); ++layer) {
      x = blocks_[layer](x, step, places_[layer]);
    }
    return x;
  }

  static nn::OutputHead make_head(const Config& c, const nn::Weights& w, const DecoderEnds& ends) {
    nn::Norm norm =
        ends.norm ? *ends.norm : nn::RmsNorm(w / "model" / "norm", c.hidden_size, c.norm_eps);
    // Logits are linear in what the head multiplies.
    if (ends.logit_scale != 1) norm = norm.scaled(ends.logit_scale);
    const nn::Weights linear = w / "lm_head";
    if (!c.tie_word_embeddings.value_or(!linear.has("weight"))) {
      return {std::move(norm), nn::Linear(linear, c.hidden_size, c.vocab_size)};
    }
    linear.ignore();
    return {std::move(norm), std::nullopt};
  }

  nn::Embedding embedding_;
  float embedding_scale_;
  std::vector<Block> blocks_;
  std::vector<int> places_;  // of each block's first cache
  std::optional<nn::RecordedLayers> recorded_;
  nn::OutputHead head_;
  std::optional<float> logit_cap_;
};

}  // namespace mlxd
