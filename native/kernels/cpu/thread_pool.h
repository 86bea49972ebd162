// A small pool of threads that share one loop at a time. Its workers spin briefly between loops,
// then sleep. Which thread takes which chunk is not fixed: bodies must compute the same bits on any
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace mlxd::kernels::cpu {

class ThreadPool {
 public:
  /// `threads` counts the caller of `run`: one worker fewer is started. Clamped to 1..256.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The pool of this process, made at the first call with one thread a physical core. It is never
  /// destroyed, since another thread may compute while statics are; at exit and dlclose its workers
  /// are joined.
  static ThreadPool& shared();

  /// Calls body(chunk) once for each chunk in [0, count), on this thread and on workers that are
  /// there in time; returns when all are done. Each thread has a run of neighbouring chunks, which
  /// it takes in rising order, and then helps the others from the ends of theirs. While another
  /// thread runs a loop here, the caller does its own alone. The body must not throw and must not
  /// call `run`.
  template <class Body>
  void run(int count, const Body& body) {
    run_erased(count, {&body, [](const void* context, int chunk) {
                         (*static_cast<const Body*>(context))(chunk);
                       }});
  }

  /// Threads that share a loop, the caller included.
  int threads() const { return threads_.load(std::memory_order_relaxed); }

  /// Waits for a loop in progress, then goes on with `threads` threads.
  void resize(int threads);

 private:
  struct Job {
    const void* context;
    void (*call)(const void* context, int chunk);
  };

  void run_erased(int count, Job job);
  void start(int threads);  // these two under loop_mutex_
  void stop();
  void serve(int worker, uint32_t seen);
  void take_chunks(int thread);
  bool enter();
  void leave();
  void close_gate();

  // Top bit: the loop is open to workers; the rest: workers inside. The caller waits only for
  // those.
  static constexpr uint32_t kOpen = 1u << 31;

  std::mutex loop_mutex_;  // held while a loop runs
  std::vector<std::thread> workers_;
  std::atomic<int> threads_{1};
  std::atomic<bool> stopping_{false};

  // The chunks that one thread has yet to take: the first in the low half, the end in the high.
  struct alignas(64) Share {
    std::atomic<uint64_t> chunks{0};

    void set(uint32_t first, uint32_t end) {
      chunks.store(first | uint64_t(end) << 32, std::memory_order_relaxed);
    }
    int take_first();  // these two give -1 when none is left
    int take_last();
  };

  Job job_{};
  std::vector<Share> shares_;  // of each thread, the caller's first
  alignas(64) std::atomic<uint32_t> gate_{0};
  alignas(64) std::atomic<uint32_t> generation_{0};  // loops started; workers sleep on it
};

}  // namespace mlxd::kernels::cpu
