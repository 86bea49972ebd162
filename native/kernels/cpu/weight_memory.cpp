#include "kernels/cpu/weight_memory.h"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mlxd::kernels::cpu {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t(2) << 20;
constexpr size_t kChunk = size_t(32) << 20;  // what of it is never touched takes no memory

struct Free {
  void operator()(uint8_t* data) const { std::free(data); }
};

std::shared_ptr<uint8_t> new_chunk(size_t bytes) {
  void* data = nullptr;
  if (posix_memalign(&data, kHugePage, bytes) != 0) throw std::bad_alloc();
#if defined(__linux__)
  madvise(data, bytes, MADV_HUGEPAGE);  // a hint
#endif
  return {static_cast<uint8_t*>(data), Free{}};
}

// The chunk that this thread fills, as long as anything in it lives.
struct Open {
  std::weak_ptr<uint8_t> chunk;
  size_t used = kChunk;
};

}  // namespace

WeightMemory::WeightMemory(size_t bytes) {
  thread_local Open open;
  const size_t size = (bytes + kLine - 1) / kLine * kLine;
  if (size > kChunk) {
    data_ = new_chunk(size);
    return;
  }
  std::shared_ptr<uint8_t> chunk = open.chunk.lock();
  if (!chunk || open.used + size > kChunk) {
    chunk = new_chunk(kChunk);
    open = {chunk, 0};
  }
  data_ = {chunk, chunk.get() + open.used};
  open.used += size;
}

}  // namespace mlxd::kernels::cpu
