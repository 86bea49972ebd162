// Memory of pages: zeros, apart from each other, whatever was there before.
#include "kernels/cpu/kv_memory.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "doctest/doctest.h"

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
