#include "kernels/cpu/kv_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <ranges>
#include <utility>
#include <vector>

namespace mlxd::kernels::cpu {
namespace {

constexpr size_t kHugePage = size_t(2) << 20;
constexpr size_t kLine = 64;
// Between pages, so that the same place of several is not always in the same part of a cache.
constexpr size_t kApart = 33 * kLine;
constexpr size_t kLeastPlaces = 16;  // of a block: what is left over at its end is little

size_t round_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

// Straight from the system and back to it: among the buffers that a step takes in passing, pages
// that outlive them would leave the allocator's heaps full of holes.
uint8_t* map(size_t bytes) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* memory = mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<uint8_t*>(memory);
  const size_t before =
      round_up(reinterpret_cast<uintptr_t>(begin), kHugePage) - reinterpret_cast<uintptr_t>(begin);
  if (before > 0) munmap(begin, before);
  munmap(begin + before + bytes, kHugePage - before);
  return begin + before;
}

// A hint.
void use_huge_pages([[maybe_unused]] uint8_t* data, [[maybe_unused]] size_t bytes,
                    [[maybe_unused]] bool huge) {
#if defined(MADV_HUGEPAGE)
  madvise(data, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
}

// Gives back what the system's pages hold that lie whole between these.
void release(uint8_t* begin, uint8_t* end) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t first = round_up(reinterpret_cast<uintptr_t>(begin), page);
  const size_t last = reinterpret_cast<uintptr_t>(end) / page * page;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

// Blocks of places for pages of one size.
class Blocks {
 public:
  explicit Blocks(size_t page)
      : page_(round_up(page, kLine) + kApart), bytes_(round_up(page_ * kLeastPlaces, kHugePage)) {}

  uint8_t* take() {
    // New blocks lie below older ones as a rule: what was used before is in memory.
    for (auto& [data, block] : blocks_ | std::views::reverse) {
      if (block.free.empty()) continue;
      if (std::exchange(block.trimmed, false)) use_huge_pages(data, bytes_, true);
      uint8_t* const place = block.free.back();
      block.free.pop_back();
      return place;
    }
    uint8_t* const data = map(bytes_);
    use_huge_pages(data, bytes_, true);
    auto& free = blocks_[data].free;
    for (size_t place = places(); place-- > 1;) free.push_back(data + place * page_);
    return data;
  }

  void give_back(uint8_t* place) {
    std::prev(blocks_.upper_bound(place))->second.free.push_back(place);
  }

  void trim() {
    std::erase_if(blocks_, [this](const auto& block) {
      const bool empty = block.second.free.size() == places();
      if (empty) munmap(block.first, bytes_);
      return empty;
    });
    for (auto& [data, block] : blocks_) {
      if (block.free.empty()) continue;
      block.trimmed = true;
      use_huge_pages(data, bytes_, false);  // else the system joins what is left, holes included
      for (uint8_t* const place : block.free) release(place, place + page_);
      release(data + places() * page_, data + bytes_);
    }
  }

 private:
  size_t places() const { return bytes_ / page_; }

  struct Block {
    std::vector<uint8_t*> free;
    bool trimmed = false;  // since a place was last taken
  };

  size_t page_, bytes_;
  std::map<uint8_t*, Block> blocks_;
};

struct Memory {
  std::mutex mutex;
  std::map<size_t, Blocks> blocks;  // by the size of a page
};

// Never destroyed: pages may outlive statics.
Memory& memory() {
  static Memory* const memory = new Memory;
  return *memory;
}

}  // namespace

uint8_t* take_kv_memory(size_t bytes) {
  uint8_t* data = nullptr;
  {
    const std::lock_guard lock(memory().mutex);
    data = memory().blocks.try_emplace(bytes, bytes).first->second.take();
  }
  std::memset(data, 0, bytes);
  return data;
}

void return_kv_memory(uint8_t* data, size_t bytes) {
  const std::lock_guard lock(memory().mutex);
  memory().blocks.at(bytes).give_back(data);
}

void trim_kv_memory() {
  const std::lock_guard lock(memory().mutex);
  for (auto& [bytes, blocks] : memory().blocks) blocks.trim();
}

}  // namespace mlxd::kernels::cpu
