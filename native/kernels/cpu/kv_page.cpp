#include "kernels/cpu/kv_page.h"

#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <new>

namespace mlxd::kernels::cpu {
namespace {

#if defined(MAP_POPULATE)
constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;  // no fault for each 4 KB
#else
constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
#endif

// Straight from the system and back to it: among the buffers that a step takes in passing, pages
// that outlive them would leave the allocator's heaps full of holes.
uint8_t* map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<uint8_t*>(memory);
}

std::atomic<size_t> total{0};

}  // namespace

KvPage::KvPage(const KvFormat& format)
    : keys_bytes_(format.keys_bytes()),
      head_bytes_(keys_bytes_ + format.values_bytes()),
      bytes_(format.page_bytes()),
      data_(map(bytes_)) {
  total.fetch_add(bytes_, std::memory_order_relaxed);
}

KvPage::~KvPage() {
  munmap(data_, bytes_);
  total.fetch_sub(bytes_, std::memory_order_relaxed);
}

void KvPage::copy(const KvPage& from) { std::memcpy(data_, from.data_, bytes_); }

size_t KvPage::total_bytes() { return total.load(std::memory_order_relaxed); }

}  // namespace mlxd::kernels::cpu
