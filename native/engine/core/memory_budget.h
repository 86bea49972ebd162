// How much memory the engine may hold, in bytes: weights, keys and values, and what a step takes in
// passing. Measures nothing itself. Engine thread only.
#pragma once

#include <algorithm>
#include <cstddef>

namespace mlxd {

class MemoryBudget {
 public:
  /// `limit` on all that is held. `fixed`: held before any sequence, the weights above all.
  MemoryBudget(size_t limit, size_t fixed) : limit_(limit), fixed_(fixed) {}

  /// A step held `peak` bytes at once, of which `after` stay. What it took in passing is kept free
  /// from then on.
  void observe_step(size_t after, size_t peak) {
    if (peak > after) transient_ = std::max(transient_, peak - after);
  }

  /// Whether `more` bytes can be added to the `held` ones.
  bool fits(size_t held, size_t more) const { return held + more + transient_ <= limit_; }

  /// Whether that many bytes of keys and values fit when nothing else is left.
  bool fits_alone(size_t bytes) const { return fits(fixed_, bytes); }

  size_t limit() const { return limit_; }

 private:
  const size_t limit_, fixed_;
  size_t transient_ = 0;
};

}  // namespace mlxd
