// A model without a checkpoint, for the engine's tests: after token t it favours (t + 1) mod V. It
// holds the engine to its contract (segments follow each other without a gap) and lets a test look
// in, wait or throw at each forward.
#pragma once

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "models/load.h"

namespace mlxd::testing {

constexpr int kVocab = 32;
constexpr int kContext = 64;

/// Records how far its sequence has come; its state stands in for keys and values.
class CountingCache : public LayerCache {
 public:
  /// `token_bytes`: what each position takes, in memory that prefixes share. `on_prefix` is called
  /// before a prefix is taken.
  CountingCache(int token_bytes, std::function<void()> on_prefix)
      : token_bytes_(token_bytes), on_prefix_(std::move(on_prefix)) {}

  void advance(const Segment& segment, const mx::array& tokens) {
    if (segment.offset != positions_) throw std::logic_error("a segment does not follow the last");
    positions_ += segment.length;
    state_.assign(1, mx::add(tokens, mx::array(0)));
    for (int i = 0; i < segment.length && token_bytes_ > 0; ++i) {
      held_.push_back(mx::zeros({token_bytes_}, mx::uint8));
      held_.back().eval();
    }
  }
  int length() const override { return positions_; }
  std::vector<mx::array> state() const override { return state_; }
  bool has_prefix(int positions) const override { return positions <= positions_; }
  std::unique_ptr<LayerCache> prefix(int positions) const override {
    if (on_prefix_) on_prefix_();
    auto prefix = std::make_unique<CountingCache>(*this);
    prefix->positions_ = positions;
    if (token_bytes_ > 0)
      prefix->held_.erase(prefix->held_.begin() + positions, prefix->held_.end());
    return prefix;
  }
  size_t bytes() const override { return bytes_for(positions_); }
  size_t bytes_beyond(const LayerCache& other) const override {
    const auto& theirs = static_cast<const CountingCache&>(other).held_;
    const auto same = [](const mx::array& a, const mx::array& b) { return a.id() == b.id(); };
    const auto end = std::ranges::mismatch(held_, theirs, same).in1;
    return static_cast<size_t>(held_.end() - end) * static_cast<size_t>(token_bytes_);
  }
  size_t bytes_for(int positions) const override {
    return static_cast<size_t>(positions) * static_cast<size_t>(token_bytes_);
  }

 private:
  int token_bytes_;
  std::function<void()> on_prefix_;
  int positions_ = 0;
  std::vector<mx::array> held_;
  std::vector<mx::array> state_;
};

struct Behaviour {
  float peak = 20;  // how much the next number is favoured; 0: all alike
  std::function<void(const Step&)> on_forward = {};
  std::function<void(int rows)> on_logits = {};
  std::function<mx::array(const mx::array& logits)> change_logits = {};
  std::function<void()> on_prefix = {};  // of a cache
  int token_bytes = 0;                   // of keys and values, each position
};

class TestModel : public Model {
 public:
  explicit TestModel(Behaviour behaviour) : behaviour_(std::move(behaviour)) {}

  mx::array forward(const Step& step) const override {
    if (behaviour_.on_forward) behaviour_.on_forward(step);
    int begin = 0;
    for (const Segment& segment : step.segments) {
      auto tokens = mx::slice(step.tokens, {begin}, {begin + segment.length});
      static_cast<CountingCache&>(*segment.cache->layers.front()).advance(segment, tokens);
      begin += segment.length;
    }
    if (begin != step.tokens.shape(0)) throw std::logic_error("segments and tokens differ");
    return mx::astype(mx::expand_dims(step.tokens, 1), mx::float32);
  }

  mx::array logits(const mx::array& hidden) const override {
    if (behaviour_.on_logits) behaviour_.on_logits(hidden.shape(0));
    auto next = mx::remainder(mx::add(hidden, mx::array(1.0f)), mx::array(float{kVocab}));
    auto vocabulary = mx::arange(0.0, kVocab, mx::float32);
    auto favoured = mx::astype(mx::equal(vocabulary, next), mx::float32);
    auto logits = mx::multiply(favoured, mx::array(behaviour_.peak));
    return behaviour_.change_logits ? behaviour_.change_logits(logits) : logits;
  }

  SequenceCache make_cache() const override {
    SequenceCache cache;
    cache.layers.push_back(
        std::make_unique<CountingCache>(behaviour_.token_bytes, behaviour_.on_prefix));
    return cache;
  }

 private:
  Behaviour behaviour_;
};

inline LoadedModel load_test_model(Behaviour behaviour) {
  Config config{};
  config.model_type = "counting";
  config.vocab_size = kVocab;
  config.layers = 1;
  config.max_position_embeddings = kContext;
  config.eos_token_ids = {kVocab - 1};
  return {config, std::make_unique<TestModel>(std::move(behaviour)), {}};
}

}  // namespace mlxd::testing
