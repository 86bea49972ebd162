// What our CPU kernels have done so far, over all engines of the process: whether they run at all,
// and their share of a step.
#pragma once

#include <chrono>
#include <cstdint>

namespace mlxd::kernels {

struct Work {
  uint64_t operations;            // of MLX's graph that are ours
  std::chrono::nanoseconds time;  // that streams spent in them
};

/// May be called from any thread.
Work work_done();

/// Counts an operation, from its construction to its end. On the stream's thread.
class WorkTimer {
 public:
  WorkTimer() : start_(std::chrono::steady_clock::now()) {}
  ~WorkTimer();
  WorkTimer(const WorkTimer&) = delete;
  WorkTimer& operator=(const WorkTimer&) = delete;

 private:
  std::chrono::steady_clock::time_point start_;
};

}  // namespace mlxd::kernels
