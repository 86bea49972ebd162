#include "kernels/cpu/kv_page.h"

#include <atomic>
#include <cstring>
#include <new>

namespace mlxd::kernels::cpu {
namespace {

constexpr std::align_val_t kAlignment{64};

std::atomic<size_t> total{0};

}  // namespace

void KvPage::Free::operator()(uint8_t* data) const { ::operator delete[](data, kAlignment); }

KvPage::KvPage(const KvFormat& format)
    : keys_bytes_(format.keys_bytes()),
      head_bytes_(keys_bytes_ + format.values_bytes()),
      bytes_(format.page_bytes()),
      data_(new(kAlignment) uint8_t[bytes_]) {
  total.fetch_add(bytes_, std::memory_order_relaxed);
}

KvPage::~KvPage() { total.fetch_sub(bytes_, std::memory_order_relaxed); }

void KvPage::copy(const KvPage& from) { std::memcpy(data_.get(), from.data_.get(), bytes_); }

size_t KvPage::total_bytes() { return total.load(std::memory_order_relaxed); }

}  // namespace mlxd::kernels::cpu
