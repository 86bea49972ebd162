// Rotation, and the stores into pages.
#include <algorithm>
#include <cstring>
#include <memory>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/kv_integers.h"
#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

constexpr int kChunksPerThread = 8;
constexpr int kHeadsAhead = 4;  // whose memory is asked for
constexpr size_t kLineBytes = 64;

// A row of floats to a place of a page: keys with their columns apart, values followed by zeros.
class RowWriter {
 public:
  RowWriter(const KvFormat& format, NarrowRow narrow)
      : format_(format),
        narrow_(narrow),
        stored_(std::make_unique<uint8_t[]>(format.value_width() * format.bits() / 8)) {}

  void write_key(const float* x, uint8_t* keys, int place) {
    store(x);
    const size_t block = place / kBlockKeys * format_.dim * kBlockKeys, lane = place % kBlockKeys;
    if (format_.type == KvType::f32) {
      spread<float>(keys, block + lane);
    } else {
      spread<uint16_t>(keys, block + lane);
    }
  }

  void write_value(const float* x, uint8_t* values, int place) {
    store(x);
    const size_t bytes = format_.value_bytes();
    std::memcpy(values + place * bytes, stored_.get(), bytes);
  }

 private:
  void store(const float* x) {
    if (format_.type == KvType::f32) {
      std::memcpy(stored_.get(), x, format_.dim * sizeof(float));
    } else {
      narrow_(x, format_.dim, reinterpret_cast<uint16_t*>(stored_.get()));
    }
  }

  template <class Stored>
  void spread(uint8_t* keys, size_t first) const {
    const auto* from = reinterpret_cast<const Stored*>(stored_.get());
    auto* to = reinterpret_cast<Stored*>(keys) + first;
    for (int d = 0; d < format_.dim; ++d) to[d * kBlockKeys] = from[d];
  }

  const KvFormat& format_;
  NarrowRow narrow_;
  std::unique_ptr<uint8_t[]> stored_;  // a row as it is stored; zeros past its columns
};

struct Place {
  int position;
  const KvTable* table;

  const KvPage& page() const { return *table->page(position / kPagePositions); }
};

std::vector<Place> places_of(std::span<const AttentionSpan> spans) {
  std::vector<Place> places;
  for (const AttentionSpan& span : spans) {
    for (int i = 0; i < span.length; ++i) places.push_back({span.offset + i, span.table});
  }
  return places;
}

// What a step appends, cut into heads of rows: a key head's key and value, and the queries of the
// heads that share it. Heads are shared among threads even of one row, since what it waits for,
// memory that nothing was written to for a step, takes longer than to hand them out.
class Append {
 public:
  Append(const Attention& a, const Rope& rope, const AttentionRows& q, const AttentionRows& k,
         const AttentionRows& v, std::span<const AttentionSpan> spans, float* rotated)
      : a_(a), rope_(rope), q_(q), k_(k), v_(v), places_(places_of(spans)), rotated_(rotated) {}

  int heads() const { return static_cast<int>(places_.size()) * a_.format.kv_heads; }

  /// Those in [begin, end).
  template <class Writer>
  void write(Writer writer, int begin, int end) const {
    const int dim = a_.format.dim;
    const auto key = std::make_unique_for_overwrite<float[]>(dim);
    for (int i = begin; i < std::min(end, begin + kHeadsAhead); ++i) ask_for(i);
    for (int i = begin; i < end; ++i) {
      if (i + kHeadsAhead < end) ask_for(i + kHeadsAhead);
      const int row = i / a_.format.kv_heads, head = i % a_.format.kv_heads;
      rotate_queries(row, head);
      const Place& at = places_[row];
      const int place = at.position % kPagePositions;
      rope_.rotate(k_.row(row) + head * dim, dim, at.position, key.get());
      writer.write_key(key.get(), at.page().keys(head), place);
      writer.write_value(v_.row(row) + head * dim, at.page().values(head), place);
    }
  }

 private:
  // Asks for the lines that are written to: of a key there are many, and each has to come from
  // memory.
  void ask_for(int index) const {
    const KvFormat& format = a_.format;
    const Place& at = places_[index / format.kv_heads];
    const int head = index % format.kv_heads, place = at.position % kPagePositions;
    const size_t block = size_t(format.dim) * kBlockKeys * format.bits() / 8;
    const uint8_t* keys = at.page().keys(head) + place / kBlockKeys * block;
    for (size_t i = 0; i < block; i += kLineBytes) __builtin_prefetch(keys + i, 1);
    __builtin_prefetch(at.page().values(head) + size_t(place) * format.value_bytes(), 1);
  }

  void rotate_queries(int row, int kv_head) const {
    const int dim = a_.format.dim, group = a_.heads / a_.format.kv_heads;
    for (int head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      rope_.rotate(q_.row(row) + head * dim, dim, places_[row].position,
                   rotated_ + (size_t(row) * a_.heads + head) * dim);
    }
  }

  const Attention& a_;
  const Rope& rope_;
  const AttentionRows &q_, &k_, &v_;
  const std::vector<Place> places_;
  float* const rotated_;
};

}  // namespace

void append(const Attention& a, Rope& rope, const AttentionRows& q, const AttentionRows& k,
            const AttentionRows& v, std::span<const AttentionSpan> spans, float* rotated, Isa isa,
            ThreadPool& pool) {
  for (const AttentionSpan& span : spans) rope.reach(span.offset + span.length);
  const Append all(a, rope, q, k, v, spans, rotated);
  const NarrowRow narrow = kernel_table(isa).narrow_row;
  const int run = std::max(1, all.heads() / (pool.threads() * kChunksPerThread));
  pool.run((all.heads() + run - 1) / run, [&](int chunk) {
    const int begin = chunk * run, end = std::min(all.heads(), begin + run);
    if (a.format.quantized())
      all.write(IntegerWriter(a.format, narrow), begin, end);
    else
      all.write(RowWriter(a.format, narrow), begin, end);
  });
}

}  // namespace mlxd::kernels::cpu
