// See recorded_layers.h.
#include "nn/recorded_layers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cache/paged_cache.h"

namespace mlxd::nn {

std::optional<RecordedLayers> RecordedLayers::record(int width, SequenceCache cache,
                                                     const Layers& layers) {
  const mx::array token(0);
  const std::vector<float> zeros(width);
  const mx::array x(zeros.begin(), {1, width});
  if (!kernels::can_attend_in_place(x.dtype())) return std::nullopt;
  const kernels::RecordingScope scope;
  const mx::array y = layers(x, {token, {{1, 0, &cache}}});
  auto recording = kernels::record(x, y);
  if (!recording || kernels::attentions(*recording) != std::ssize(cache.layers)) {
    return std::nullopt;
  }
  return RecordedLayers(std::move(recording));
}

bool RecordedLayers::take(const mx::array& x) const {
  return kernels::can_attend_in_place(x.dtype());
}

mx::array RecordedLayers::operator()(const mx::array& x, const Step& step) const {
  const size_t layers = step.segments.front().cache->layers.size();
  const auto cache_of = [](const Segment& segment, size_t layer) -> PagedCache& {
    return static_cast<PagedCache&>(*segment.cache->layers[layer]);
  };
  std::vector<kernels::CachedSpan> spans;
  spans.reserve(layers * step.segments.size());
  std::vector<mx::array> appended;
  for (size_t layer = 0; layer < layers; ++layer) {
    for (const Segment& segment : step.segments) {
      const kernels::CachedSegment reserved = cache_of(segment, layer).reserve(segment.length);
      spans.push_back(reserved);
      if (!reserved.appended) continue;
      const auto same = [&](const mx::array& a) { return a.id() == reserved.appended->id(); };
      if (std::ranges::none_of(appended, same)) appended.push_back(*reserved.appended);
    }
  }
  const mx::array y = kernels::replay(recording_, x, std::move(spans), std::move(appended));
  const auto written = std::make_shared<const mx::array>(y);
  for (size_t layer = 0; layer < layers; ++layer) {
    for (const Segment& segment : step.segments) cache_of(segment, layer).written(written);
  }
  return y;
}

}  // namespace mlxd::nn
