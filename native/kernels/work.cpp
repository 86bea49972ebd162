#include "kernels/work.h"

#include <atomic>

namespace mlxd::kernels {
namespace {

std::atomic<uint64_t> operations{0};
std::atomic<int64_t> nanoseconds{0};

}  // namespace

Work work_done() { return {operations, std::chrono::nanoseconds(nanoseconds)}; }

WorkTimer::~WorkTimer() {
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - start_;
  operations.fetch_add(1, std::memory_order_relaxed);
  nanoseconds.fetch_add(took.count(), std::memory_order_relaxed);
}

}  // namespace mlxd::kernels
