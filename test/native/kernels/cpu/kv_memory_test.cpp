// Memory of pages: zeros, apart from each other, whatever was there before.
#include "kernels/cpu/kv_memory.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "doctest/doctest.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

using namespace mlxd::kernels::cpu;

TEST_CASE("pages are zeros, aligned and apart, also where others were before") {
  for (const size_t bytes : {size_t(100), size_t(98304), size_t(300) << 10}) {
    CAPTURE(bytes);
    std::vector<uint8_t*> pages;
    const auto take = [&] {
      pages.push_back(take_kv_memory(bytes));
      CHECK(reinterpret_cast<uintptr_t>(pages.back()) % 64 == 0);
      CHECK(size_t(std::count(pages.back(), pages.back() + bytes, 0)) == bytes);
      std::memset(pages.back(), static_cast<int>(pages.size()), bytes);
    };
    for (int i = 0; i < 50; ++i) take();
    for (int i = 0; i < 50; ++i) {
      CHECK(size_t(std::count(pages[i], pages[i] + bytes, i + 1)) == bytes);
    }
    std::vector<uint8_t*> kept;
    for (int i = 0; i < 50; ++i) {
      if (i % 7 == 3)
        kept.push_back(pages[i]);
      else
        return_kv_memory(pages[i], bytes);
    }
    pages.clear();
    for (int i = 0; i < 43; ++i) take();
    for (size_t i = 0; i < kept.size(); ++i) {
      const auto value = static_cast<int>(i) * 7 + 4;
      CHECK(size_t(std::count(kept[i], kept[i] + bytes, value)) == bytes);
    }
    for (uint8_t* page : pages) return_kv_memory(page, bytes);
    for (uint8_t* page : kept) return_kv_memory(page, bytes);
  }
}

#if defined(__linux__)
namespace {

// Of the pages that lie whole within `bytes` from `data`, those that are in memory.
size_t resident(const uint8_t* data, size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(data) + bytes) / page * page;
  std::vector<unsigned char> pages((end - begin) / page);
  REQUIRE(mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()) == 0);
  return static_cast<size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char is_in) { return is_in & 1; }));
}

// Whether the system may give huge pages to the mapping that `data` lies in.
bool is_huge(const uint8_t* data) {
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%zx-%zx ", &begin, &end) == 2) {
      inside =
          begin <= reinterpret_cast<uintptr_t>(data) && reinterpret_cast<uintptr_t>(data) < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line.find(" hg") != std::string::npos;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("what was given back stays in memory for the next who takes, until it is trimmed") {
  constexpr size_t kBytes = 98305;  // of no other test
  const auto take_and_return = [] {
    std::vector<uint8_t*> pages;
    for (int i = 0; i < 100; ++i) pages.push_back(take_kv_memory(kBytes));
    for (uint8_t* page : pages) return_kv_memory(page, kBytes);
    std::ranges::sort(pages);
    return pages;
  };
  const auto pages = take_and_return();
  for (uint8_t* page : pages) CHECK(resident(page, kBytes) >= kBytes / 4096 - 1);
  CHECK(take_and_return() == pages);
  trim_kv_memory();
  uint8_t* const page = take_kv_memory(kBytes);
  CHECK(size_t(std::count(page, page + kBytes, 0)) == kBytes);
  return_kv_memory(page, kBytes);
}

TEST_CASE("what free places held goes back to the system, what others hold stays") {
  constexpr size_t kBytes = 98304;
  std::vector<uint8_t*> pages;
  for (int i = 0; i < 40; ++i) {
    pages.push_back(take_kv_memory(kBytes));
    std::memset(pages.back(), i + 1, kBytes);
  }
  for (int i = 0; i < 40; i += 2) return_kv_memory(pages[i], kBytes);
  trim_kv_memory();
  for (int i = 0; i < 40; ++i) {
    CAPTURE(i);
    if (i % 2 == 0) {
      CHECK(resident(pages[i], kBytes) == 0);
    } else {
      CHECK(size_t(std::count(pages[i], pages[i] + kBytes, i + 1)) == kBytes);
      return_kv_memory(pages[i], kBytes);
    }
  }
}

// The system joins small pages into huge ones of its own accord, and fills what lies between.
TEST_CASE("what was given back stays so until a place is taken again") {
  constexpr size_t kBytes = 65536;
  uint8_t* const held = take_kv_memory(kBytes);
  const bool huge = is_huge(held);  // not of every system
  trim_kv_memory();
  CHECK(!is_huge(held));
  uint8_t* const next = take_kv_memory(kBytes);
  CHECK(is_huge(next) == huge);
  for (uint8_t* page : {held, next}) return_kv_memory(page, kBytes);
}
#endif
