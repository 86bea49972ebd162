// See array_cache.h.
#include "cache/array_cache.h"

#include <algorithm>
#include <stdexcept>

namespace mlxd {

namespace {

constexpr int kBlock = 256;

// Half as much again as is needed, so that each position is copied only a few times as an array
// grows.
int capacity_for(int positions) {
  return (positions + positions / 2 + kBlock - 1) / kBlock * kBlock;
}

mx::array positions(const mx::array& array, int from, int to) {
  mx::Shape stop = array.shape();
  stop[2] = to;
  return mx::slice(array, {0, 0, from, 0}, stop);
}

// An array of `capacity` positions that begins with positions [from, to) of `old`.
mx::array moved(const mx::array& old, int from, int to, int capacity) {
  mx::Shape rest = old.shape();
  rest[2] = capacity - (to - from);
  return mx::concatenate({positions(old, from, to), mx::zeros(rest, old.dtype())}, 2);
}

// Overwrites places of an array, in its own memory when nobody else holds it.
mx::array overwritten(const mx::array& array, const mx::array& update, int end) {
  mx::Shape stop = array.shape();
  stop[2] = end;
  return mx::slice_update(array, update, {0, 0, end - update.shape(2), 0}, stop);
}

}  // namespace

ArrayCache::ArrayCache(int kv_heads, int head_dim, mx::Dtype type, std::optional<int> window)
    : kv_heads_(kv_heads), head_dim_(head_dim), type_(type), window_(window) {}

int ArrayCache::seen(int positions) const {
  return window_ ? std::min(positions, *window_ - 1) : positions;
}

void ArrayCache::make_room(int count, int keep) {
  if (arrays_ && end_ + count <= arrays_->keys.shape(2)) return;
  const mx::array nothing = mx::zeros({1, kv_heads_, 0, head_dim_}, type_);
  const Arrays old = arrays_.value_or(Arrays{nothing, nothing});
  const int capacity = capacity_for(keep + count);
  arrays_ = Arrays{moved(old.keys, end_ - keep, end_, capacity),
                   moved(old.values, end_ - keep, end_, capacity)};
  end_ = keep;
}

std::pair<mx::array, mx::array> ArrayCache::append(const mx::array& keys, const mx::array& values) {
  const int count = keys.shape(2), keep = seen(length_);
  make_room(count, keep);
  const int first = end_ - keep;
  end_ += count;
  length_ += count;
  arrays_->keys = overwritten(arrays_->keys, keys, end_);
  arrays_->values = overwritten(arrays_->values, values, end_);
  return {positions(arrays_->keys, first, end_), positions(arrays_->values, first, end_)};
}

std::vector<mx::array> ArrayCache::state() const {
  if (!arrays_) return {};
  return {arrays_->keys, arrays_->values};
}

bool ArrayCache::has_prefix(int positions) const {
  return positions >= 0 && positions <= length_ && positions - seen(positions) >= length_ - end_;
}

std::unique_ptr<LayerCache> ArrayCache::prefix(int positions) const {
  if (!has_prefix(positions)) throw std::invalid_argument("The cache does not hold that prefix.");
  auto prefix = std::make_unique<ArrayCache>(*this);
  prefix->end_ -= length_ - positions;
  prefix->length_ = positions;
  return prefix;
}

size_t ArrayCache::bytes() const {
  return arrays_ ? arrays_->keys.nbytes() + arrays_->values.nbytes() : 0;
}

size_t ArrayCache::bytes_beyond(const LayerCache& other) const {
  const auto& theirs = static_cast<const ArrayCache&>(other).arrays_;
  const bool same = arrays_ && theirs && arrays_->keys.id() == theirs->keys.id();
  return same ? 0 : bytes();
}

size_t ArrayCache::bytes_for(int positions) const {
  const size_t capacity = capacity_for(window_ ? std::min(positions, *window_) : positions);
  return 2 * capacity * kv_heads_ * head_dim_ * mx::size_of(type_);
}

}  // namespace mlxd
