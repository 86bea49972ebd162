// See recurrence.h.
#include "nn/recurrence.h"

#include "cache/state_cache.h"

namespace mlxd::nn {

mx::array softplus(const mx::array& x) { return mx::logaddexp(x, mx::array(0, x.dtype())); }

mx::array take_decay_rate(const Weights& w, int heads) {
  const mx::array log = mx::astype(w.take_dense("A_log", {heads}), mx::float32);
  const mx::array rate = mx::negative(mx::exp(log));
  mx::eval(rate);
  return rate;
}

mx::array Recurrence::operator()(const kernels::RecurrenceInputs& inputs, const Step& step,
                                 int place) const {
  const auto cache_of = [&](const Segment& segment) -> StateCache& {
    return static_cast<StateCache&>(*segment.cache->layers[place]);
  };
  std::vector<kernels::RecurrenceSegment> segments;
  for (const Segment& s : step.segments) segments.push_back({s.length, cache_of(s).last()});
  const auto result = kernels::recurrence(shape_, inputs, segments);
  for (size_t i = 0; i < segments.size(); ++i) {
    cache_of(step.segments[i]).advance(segments[i].length, result.states[i]);
  }
  return result.output;
}

std::unique_ptr<LayerCache> Recurrence::make_cache() const {
  return std::make_unique<StateCache>(shape_.state_size() * sizeof(float));
}

}  // namespace mlxd::nn
