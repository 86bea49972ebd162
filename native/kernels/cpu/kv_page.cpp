#include "kernels/cpu/kv_page.h"

#include <atomic>
#include <cstring>

#include "kernels/cpu/kv_memory.h"

namespace mlxd::kernels::cpu {
namespace {

std::atomic<size_t> total{0};

}  // namespace

KvPage::KvPage(const KvFormat& format)
    : keys_bytes_(format.keys_bytes()),
      head_bytes_(keys_bytes_ + format.values_bytes()),
      bytes_(format.page_bytes()),
      data_(take_kv_memory(bytes_)) {
  total.fetch_add(bytes_, std::memory_order_relaxed);
}

KvPage::~KvPage() {
  return_kv_memory(data_, bytes_);
  total.fetch_sub(bytes_, std::memory_order_relaxed);
}

void KvPage::copy(const KvPage& from) { std::memcpy(data_, from.data_, bytes_); }

size_t KvPage::total_bytes() { return total.load(std::memory_order_relaxed); }

}  // namespace mlxd::kernels::cpu
