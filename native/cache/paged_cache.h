// The cache of a layer whose attention our CPU kernels compute: pages that are never moved, and
// that caches of a common prefix share. Engine thread only.
#pragma once

#include <optional>

#include "cache/sequence_cache.h"
#include "kernels/cached_attention.h"

namespace mlxd {

/// A position is written once and stays where it is; a new page every 128 positions is what growth
/// costs. A prefix reads the pages of the cache that it is one of, which goes on in its last page;
/// a prefix that is appended to takes a copy of that page. With a window, pages that no later token
/// sees are dropped.
class PagedCache : public LayerCache {
 public:
  /// `window`: how many positions a token sees, itself included; at least 1. All without.
  explicit PagedCache(kernels::KvFormat format, std::optional<int> window = std::nullopt);

  /// Room for `count` more positions, which `kernels::cached_attention` fills; then `written` must
  /// follow with what that function returned.
  kernels::CachedSegment reserve(int count);
  void written(std::shared_ptr<const mx::array> appended) { appended_ = std::move(appended); }

  int length() const override { return length_; }
  std::vector<mx::array> state() const override;
  bool has_prefix(int positions) const override;
  std::unique_ptr<LayerCache> prefix(int positions) const override;
  void prepare(int count) override;
  void settle() override { appended_.reset(); }
  size_t bytes() const override;
  size_t bytes_beyond(const LayerCache& other) const override;
  size_t bytes_for(int positions) const override;

 private:
  /// The page of the oldest position that the token at `position` sees.
  int first_page_seen(int position) const;

  kernels::KvFormat format_;
  std::optional<int> window_;
  int length_ = 0;
  bool borrows_ = false;  // its last page is another's, who may append to it
  std::shared_ptr<const kernels::KvTable>
      table_;                                  // replaced, never changed: steps in flight hold it
  std::shared_ptr<const mx::array> appended_;  // what the last append was part of
};

}  // namespace mlxd
