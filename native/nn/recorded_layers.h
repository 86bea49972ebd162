// A stack of layers as one operation of a step, where a CPU computes all of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "kernels/recording.h"
#include "nn/step.h"

namespace mlxd::nn {

class RecordedLayers {
 public:
  /// x [T, width] -> [T, width] of a step's tokens; appends to its caches.
  using Layers = std::function<mx::array(const mx::array& x, const Step& step)>;

  /// Records what `layers` do for one token. `cache`: an empty one of theirs. Nothing if that is
  /// more than our kernels, each cache having one attention.
  static std::optional<RecordedLayers> record(int width, SequenceCache cache, const Layers& layers);

  /// Whether a step on this thread may go this way: x float32, and our kernels in use.
  bool take(const mx::array& x) const;

  /// What `layers` give, with the same bits.
  mx::array operator()(const mx::array& x, const Step& step) const;

 private:
  explicit RecordedLayers(std::shared_ptr<const kernels::Recording> recording)
      : recording_(std::move(recording)) {}

  std::shared_ptr<const kernels::Recording> recording_;
};

}  // namespace mlxd::nn
