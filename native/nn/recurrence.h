// A linear recurrence over a step's tokens, each from the state of its own sequence.
#pragma once

#include <memory>

#include "kernels/recurrence.h"
#include "nn/step.h"
#include "nn/weights.h"

namespace mlxd::nn {
namespace mx = mlx::core;

/// log(1 + e^x).
mx::array softplus(const mx::array& x);

/// How fast heads forget in a unit of time: -exp(`A_log`) of `w`, [heads] float32.
mx::array take_decay_rate(const Weights& w, int heads);

class Recurrence {
 public:
  explicit Recurrence(kernels::RecurrenceShape shape) : shape_(shape) {}

  /// See kernels::recurrence. -> [T, heads * values]. Takes and leaves states in the caches at
  /// `place` of each sequence.
  mx::array operator()(const kernels::RecurrenceInputs& inputs, const Step& step, int place) const;

  /// An empty cache.
  std::unique_ptr<LayerCache> make_cache() const;

 private:
  kernels::RecurrenceShape shape_;
};

}  // namespace mlxd::nn
