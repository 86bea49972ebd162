// What other threads may see of the engine thread: written by it, read by any.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

#include "engine/core/types.h"

namespace mlxd {

class Status {
 public:
  using Clock = std::chrono::steady_clock;

  std::atomic<EngineState> state{EngineState::loading};
  std::atomic<int> waiting{0};
  std::atomic<int> running{0};
  std::atomic<int64_t> prompt_tokens{0};
  std::atomic<int64_t> generated_tokens{0};
  std::atomic<size_t> active_memory_bytes{0};
  std::atomic<size_t> peak_memory_bytes{0};

  /// The thread is alive and going through its loop.
  void beat() { heartbeat_.store(Clock::now()); }

  void set_info(const ModelInfo& info) {
    std::lock_guard lock(mutex_);
    info_ = info;
  }
  /// A step, or the engine itself, has thrown.
  void failed(const std::string& reason) {
    std::lock_guard lock(mutex_);
    ++failures_;
    last_error_ = reason;
  }
  void set_prefixes(const PrefixStats& prefixes) {
    std::lock_guard lock(mutex_);
    prefixes_ = prefixes;
  }
  ModelInfo info() const {
    std::lock_guard lock(mutex_);
    return info_;
  }

  EngineStats stats() const {
    const std::chrono::duration<double, std::milli> since = Clock::now() - heartbeat_.load();
    std::lock_guard lock(mutex_);
    return {state,
            waiting,
            running,
            prompt_tokens,
            generated_tokens,
            since.count(),
            active_memory_bytes,
            peak_memory_bytes,
            failures_,
            last_error_,
            prefixes_};
  }

 private:
  std::atomic<Clock::time_point> heartbeat_{Clock::now()};
  mutable std::mutex mutex_;
  ModelInfo info_;
  int64_t failures_ = 0;
  std::string last_error_;
  PrefixStats prefixes_;
};

}  // namespace mlxd
