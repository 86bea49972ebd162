// See paged_cache.h.
#include "cache/paged_cache.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace mlxd {

namespace {

using kernels::kPagePositions;
using kernels::KvPage;
using kernels::KvTable;

int pages_of(int positions) { return (positions + kPagePositions - 1) / kPagePositions; }

void add_pages(KvTable& table, int end, const kernels::KvFormat& format) {
  while (table.end_page() < end) table.pages.push_back(std::make_shared<KvPage>(format));
}

}  // namespace

PagedCache::PagedCache(kernels::KvFormat format, std::optional<int> window)
    : format_(format), window_(window), table_(std::make_shared<KvTable>()) {}

int PagedCache::first_page_seen(int position) const {
  return window_ ? std::max(0, position - *window_ + 1) / kPagePositions : 0;
}

kernels::CachedSegment PagedCache::reserve(int count) {
  kernels::CachedSegment segment{{count, length_, nullptr, nullptr}, std::nullopt};
  if (appended_) segment.appended = *appended_;
  const int first = first_page_seen(length_);
  const int end = pages_of(length_ + count);
  const bool copies = std::exchange(borrows_, false) && length_ % kPagePositions != 0;
  if (copies || first > table_->first_page || end > table_->end_page()) {
    auto next = std::make_shared<KvTable>(*table_);
    next->pages.erase(next->pages.begin(), next->pages.begin() + (first - next->first_page));
    next->first_page = first;
    if (copies) {
      auto& open = next->pages[length_ / kPagePositions - first];
      segment.copied = std::exchange(open, std::make_shared<KvPage>(format_));
    }
    add_pages(*next, end, format_);
    table_ = std::move(next);
  }
  segment.table = table_;
  length_ += count;
  return segment;
}

void PagedCache::prepare(int count) {
  auto next = std::make_shared<KvTable>(*table_);
  add_pages(*next, pages_of(length_ + count), format_);
  table_ = std::move(next);
}

std::vector<mx::array> PagedCache::state() const {
  if (!appended_) return {};
  return {*appended_};
}

bool PagedCache::has_prefix(int positions) const {
  return positions >= 0 && positions <= length_ && first_page_seen(positions) >= table_->first_page;
}

std::unique_ptr<LayerCache> PagedCache::prefix(int positions) const {
  if (!has_prefix(positions)) throw std::invalid_argument("The cache does not hold that prefix.");
  auto prefix = std::make_unique<PagedCache>(format_, window_);
  const int first = first_page_seen(positions);
  const int end = std::max(first, pages_of(positions));
  const auto begin = table_->pages.begin() + (first - table_->first_page);
  prefix->table_ = std::make_shared<KvTable>(KvTable{first, {begin, begin + (end - first)}});
  prefix->borrows_ = true;
  prefix->length_ = positions;
  prefix->appended_ = appended_;
  return prefix;
}

size_t PagedCache::bytes() const { return table_->pages.size() * format_.page_bytes(); }

size_t PagedCache::bytes_beyond(const LayerCache& other) const {
  const KvTable& theirs = *static_cast<const PagedCache&>(other).table_;
  size_t own = 0;
  for (int page = table_->first_page; page < table_->end_page(); ++page) {
    const bool both = page >= theirs.first_page && page < theirs.end_page();
    if (!both || theirs.page(page) != table_->page(page)) ++own;
  }
  return own * format_.page_bytes();
}

size_t PagedCache::bytes_for(int positions) const {
  const int pages = pages_of(positions) - (positions > 0 ? first_page_seen(positions - 1) : 0);
  return static_cast<size_t>(pages) * format_.page_bytes();
}

}  // namespace mlxd
