// The block of Falcon-H1, which reads its input with a Mamba mixer and with attention at once.
#pragma once

#include "models/feed_forward.h"
#include "nn/attention.h"
#include "nn/mamba.h"

namespace mlxd {

/// h = x + out(mamba(norm(x))) + scale * out(attention(norm(x))), then h + mlp(h).
class HybridBlock {
 public:
  /// Takes all of a layer's weights. `value_scale` is of what attention adds.
  HybridBlock(const Config& c, const nn::Weights& w, const nn::MambaShape& shape,
              nn::Attention attention, float value_scale);

  mx::array operator()(const mx::array& x, const Step& step, int place) const {
    const mx::array h = mamba_out_(mamba_(x, step, place), x);
    const mx::array both = attention_out_(attention_(qkv_(x), step, place + 2), h);
    return mlp_(both, both);
  }

  void add_caches(mx::Dtype type, SequenceCache& cache) const {
    mamba_.add_caches(type, cache);
    cache.layers.push_back(attention_.make_cache(type));
  }

 private:
  nn::Norm norm_;
  nn::Mamba mamba_;
  nn::ResidualLinear mamba_out_;
  nn::NormQkv qkv_;
  nn::Attention attention_;
  nn::ResidualLinear attention_out_;
  GatedMlp mlp_;
};

}  // namespace mlxd
