// See kv_buffer.h.
#include "cache/kv_buffer.h"

namespace mlxd {

namespace {

constexpr int kBlock = 256;

// Half as much again as is needed, so that each position is copied only a few times as a buffer
// grows.
int capacity_for(int positions) {
  return (positions + positions / 2 + kBlock - 1) / kBlock * kBlock;
}

mx::array positions(const mx::array& buffer, int from, int to) {
  mx::Shape stop = buffer.shape();
  stop[2] = to;
  return mx::slice(buffer, {0, 0, from, 0}, stop);
}

// A buffer of `capacity` positions that begins with positions [from, to) of `old`.
mx::array moved(const mx::array& old, int from, int to, int capacity) {
  mx::Shape rest = old.shape();
  rest[2] = capacity - (to - from);
  return mx::concatenate({positions(old, from, to), mx::zeros(rest, old.dtype())}, 2);
}

// Overwrites places of a buffer, in its own memory when nobody else holds it.
mx::array overwritten(const mx::array& buffer, const mx::array& update, int end) {
  mx::Shape stop = buffer.shape();
  stop[2] = end;
  return mx::slice_update(buffer, update, {0, 0, end - update.shape(2), 0}, stop);
}

}  // namespace

void KvBuffer::make_room(const mx::Shape& shape, mx::Dtype type, int keep) {
  const int length = shape[2];
  if (buffers_ && end_ + length <= buffers_->keys.shape(2)) return;
  const mx::array nothing = mx::zeros(shape, type);  // at first nothing is kept of it
  const Buffers old = buffers_.value_or(Buffers{nothing, nothing});
  const int capacity = capacity_for(keep + length);
  buffers_ = Buffers{moved(old.keys, end_ - keep, end_, capacity),
                     moved(old.values, end_ - keep, end_, capacity)};
  end_ = keep;
}

KvRoom KvBuffer::reserve(const mx::Shape& shape, mx::Dtype type, int keep) {
  make_room(shape, type, keep);
  const int first = end_ - keep;
  end_ += shape[2];
  return {buffers_->keys, buffers_->values, first, end_};
}

void KvBuffer::written(const mx::array& keys, const mx::array& values) {
  buffers_ = Buffers{keys, values};
}

std::pair<mx::array, mx::array> KvBuffer::append(const mx::array& keys, const mx::array& values,
                                                 int keep) {
  const int first = reserve(keys.shape(), keys.dtype(), keep).first;
  buffers_->keys = overwritten(buffers_->keys, keys, end_);
  buffers_->values = overwritten(buffers_->values, values, end_);
  return {positions(buffers_->keys, first, end_), positions(buffers_->values, first, end_)};
}

std::vector<mx::array> KvBuffer::state() const {
  if (!buffers_) return {};
  return {buffers_->keys, buffers_->values};
}

size_t KvBuffer::bytes() const {
  return buffers_ ? buffers_->keys.nbytes() + buffers_->values.nbytes() : 0;
}

}  // namespace mlxd
