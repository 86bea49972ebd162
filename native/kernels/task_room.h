// Lets a step be handed to MLX's CPU stream whole.
#pragma once

#include "mlx/mlx.h"
#include "mlx/scheduler.h"

namespace mlxd::kernels {
namespace mx = mlx::core;

/// MLX lets about a hundred operations wait on its stream; then the thread that evaluates sleeps
/// until ten are done, wakes, adds ten and sleeps again, and on few cores each waking stops a
/// kernel. The bound is there for the memory of what waits. While this lives there is none, for
/// steps of so few rows that they need none.
class TaskRoom {
 public:
  explicit TaskRoom(int rows) : tasks_(rows <= kFewRows ? kTasks : 0) {
    for (int i = 0; i < tasks_; ++i) mx::scheduler::notify_task_completion(stream_);
  }
  ~TaskRoom() {
    for (int i = 0; i < tasks_; ++i) mx::scheduler::notify_new_task(stream_);
  }
  TaskRoom(const TaskRoom&) = delete;
  TaskRoom& operator=(const TaskRoom&) = delete;

 private:
  static constexpr int kFewRows = 64;
  static constexpr int kTasks = 128;  // ten operations each: more than two steps of a large model

  const mx::Stream stream_ = mx::default_stream(mx::Device::cpu);
  const int tasks_;
};

}  // namespace mlxd::kernels
