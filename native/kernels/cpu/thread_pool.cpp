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
  shares_ = std::vector<Share>(threads);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i, seen] { serve(i, seen); });
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
  const int64_t threads = shares_.size();
  for (int64_t i = 0; i < threads; ++i) {
    shares_[i].set(count * i / threads, count * (i + 1) / threads);
  }
  gate_.store(kOpen, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_chunks(0);
  close_gate();
}

void ThreadPool::serve(int worker, uint32_t seen) {
  while (true) {
    seen = wait_for_change(generation_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (!enter()) continue;
    take_chunks(worker);
    leave();
  }
}

int ThreadPool::Share::take_first() {
  uint64_t now = chunks.load(std::memory_order_relaxed);
  while (uint32_t(now) < now >> 32) {
    if (chunks.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return uint32_t(now);
  }
  return -1;
}

int ThreadPool::Share::take_last() {
  uint64_t now = chunks.load(std::memory_order_relaxed);
  while (uint32_t(now) < now >> 32) {
    const uint64_t rest = now - (uint64_t(1) << 32);
    if (chunks.compare_exchange_weak(now, rest, std::memory_order_relaxed)) return rest >> 32;
  }
  return -1;
}

void ThreadPool::take_chunks(int thread) {
  const int threads = static_cast<int>(shares_.size());
  int chunk;
  while ((chunk = shares_[thread].take_first()) >= 0) job_.call(job_.context, chunk);
  for (int i = 1; i < threads; ++i) {
    Share& other = shares_[(thread + i) % threads];
    while ((chunk = other.take_last()) >= 0) job_.call(job_.context, chunk);
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
