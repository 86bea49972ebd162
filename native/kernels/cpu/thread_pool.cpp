#include "kernels/cpu/thread_pool.h"

#include <algorithm>
#include <chrono>

#include "kernels/cpu/cores.h"

namespace mlxd::kernels::cpu {
namespace {

// Longer than the gap between two kernels of one step, far shorter than anything a user would
// notice as load.
constexpr auto kSpin = std::chrono::microseconds(50);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits, first spinning and then asleep, until `value` is no longer `old`; returns the new value.
uint32_t wait_for_change(const std::atomic<uint32_t>& value, uint32_t old) {
  auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      uint32_t current = value.load(std::memory_order_acquire);
      if (current != old) return current;
      pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) { start(threads); }

ThreadPool::~ThreadPool() { resize(1); }

ThreadPool& ThreadPool::shared() {
  struct Shared {
    ThreadPool* pool = new ThreadPool(physical_cores());
    ~Shared() { pool->resize(1); }
  };
  static Shared shared;
  static ThreadPool* const pool = shared.pool;  // stays readable after `shared` is gone
  return *pool;
}

void ThreadPool::resize(int threads) {
  std::lock_guard lock(loop_mutex_);
  stop();
  start(threads);
}

void ThreadPool::start(int threads) {
  threads = std::clamp(threads, 1, 256);
  stopping_.store(false, std::memory_order_relaxed);
  uint32_t seen = generation_.load(std::memory_order_relaxed);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, seen] { serve(seen); });
  threads_.store(threads, std::memory_order_relaxed);
}

void ThreadPool::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (auto& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::run_erased(int count, Job job) {
  std::unique_lock lock(loop_mutex_, std::defer_lock);
  if (count <= 1 || threads() == 1 || !lock.try_lock()) {
    for (int chunk = 0; chunk < count; ++chunk) job.call(job.context, chunk);
    return;
  }
  job_ = job;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  gate_.store(kOpen, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_chunks();
  close_gate();
}

void ThreadPool::serve(uint32_t seen) {
  while (true) {
    seen = wait_for_change(generation_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (!enter()) continue;
    take_chunks();
    leave();
  }
}

void ThreadPool::take_chunks() {
  while (true) {
    int chunk = next_.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= count_) return;
    job_.call(job_.context, chunk);
  }
}

bool ThreadPool::enter() {
  uint32_t gate = gate_.load(std::memory_order_acquire);
  while (gate & kOpen) {
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

void ThreadPool::leave() {
  if (gate_.fetch_sub(1, std::memory_order_acq_rel) == 1) gate_.notify_one();
}

void ThreadPool::close_gate() {
  uint32_t inside = gate_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  while (inside != 0) inside = wait_for_change(gate_, inside);
}

}  // namespace mlxd::kernels::cpu
