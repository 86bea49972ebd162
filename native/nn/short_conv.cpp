// See short_conv.h.
#include "nn/short_conv.h"

#include "cache/conv_cache.h"

namespace mlxd::nn {

namespace {

// Puts the taps before the axis of one where PyTorch has them after it.
void order_axes(const Weights& w, int channels, int taps) {
  const mx::array weight = w.pull("weight");
  const bool torch = weight.shape() == mx::Shape{channels, 1, taps};
  w.put("weight", torch ? mx::swapaxes(weight, 1, 2) : weight);
}

mx::array rows(const mx::array& x, int from, int count) {
  return mx::slice(x, {from, 0}, {from + count, x.shape(1)});
}

}  // namespace

ShortConv::ShortConv(const Weights& w, int channels, int taps, Bias bias) : channels_(channels) {
  order_axes(w, channels, taps);
  const mx::array weight = w.take_dense("weight", {channels, taps, 1});
  for (int i = 0; i < taps; ++i) {
    taps_.push_back(
        mx::contiguous(mx::flatten(mx::slice(weight, {0, i, 0}, {channels, i + 1, 1}))));
  }
  mx::eval(taps_);
  if (bias == Bias::required || w.has("bias")) bias_ = w.take_dense("bias", {channels});
}

mx::array ShortConv::operator()(const mx::array& x, const Step& step, int layer) const {
  std::vector<mx::array> outputs;
  int row = 0;
  for (const Segment& segment : step.segments) {
    auto& cache = static_cast<ConvCache&>(*segment.cache->layers[layer]);
    outputs.push_back(convolve(cache.append(rows(x, row, segment.length))));
    row += segment.length;
  }
  return outputs.size() == 1 ? outputs.front() : mx::concatenate(outputs, 0);
}

mx::array ShortConv::convolve(const mx::array& inputs) const {
  const int before = static_cast<int>(taps_.size()) - 1, count = inputs.shape(0) - before;
  const auto typed = [&](const mx::array& weight) { return mx::astype(weight, inputs.dtype()); };
  mx::array sum = rows(inputs, 0, count) * typed(taps_[0]);
  for (int i = 1; i <= before; ++i) sum = sum + rows(inputs, i, count) * typed(taps_[i]);
  return bias_ ? sum + typed(*bias_) : sum;
}

std::unique_ptr<LayerCache> ShortConv::make_cache(mx::Dtype type) const {
  return std::make_unique<ConvCache>(static_cast<int>(taps_.size()), channels_, type);
}

}  // namespace mlxd::nn
