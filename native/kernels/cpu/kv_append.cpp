// Rotation, and the stores into pages.
#include <algorithm>
#include <cstring>
#include <memory>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/kv_integers.h"
#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

// Rows that one thread takes at a time: what they wait for takes longer than to share them.
constexpr int kRowsAtOnce = 2;
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

// Asks for the lines that a row is written to: of a key there are many, and each has to come from
// memory.
void ask_for(const KvFormat& format, const Place& at) {
  const int place = at.position % kPagePositions;
  const size_t block = size_t(format.dim) * kBlockKeys * format.bits() / 8;
  for (int head = 0; head < format.kv_heads; ++head) {
    const uint8_t* keys = at.page().keys(head) + place / kBlockKeys * block;
    for (size_t i = 0; i < block; i += kLineBytes) __builtin_prefetch(keys + i, 1);
    __builtin_prefetch(at.page().values(head) + size_t(place) * format.value_bytes(), 1);
  }
}

// The keys and values of rows [begin, end).
template <class Writer>
void write_rows(Writer writer, const Attention& a, const Rope& rope, const AttentionRows& k,
                const AttentionRows& v, const std::vector<Place>& places, int begin, int end) {
  const int dim = a.format.dim;
  const auto key = std::make_unique_for_overwrite<float[]>(dim);
  for (int row = begin; row < end; ++row) {
    const int position = places[row].position, place = position % kPagePositions;
    const KvPage& page = places[row].page();
    for (int head = 0; head < a.format.kv_heads; ++head) {
      rope.rotate(k.row(row) + head * dim, dim, position, key.get());
      writer.write_key(key.get(), page.keys(head), place);
      writer.write_value(v.row(row) + head * dim, page.values(head), place);
    }
  }
}

}  // namespace

void append(const Attention& a, Rope& rope, const AttentionRows& q, const AttentionRows& k,
            const AttentionRows& v, std::span<const AttentionSpan> spans, float* rotated, Isa isa,
            ThreadPool& pool) {
  for (const AttentionSpan& span : spans) rope.reach(span.offset + span.length);
  const std::vector<Place> places = places_of(spans);
  const NarrowRow narrow = kernel_table(isa).narrow_row;
  const int dim = a.format.dim, rows = static_cast<int>(places.size());
  pool.run((rows + kRowsAtOnce - 1) / kRowsAtOnce, [&](int chunk) {
    const int begin = chunk * kRowsAtOnce, end = std::min(rows, begin + kRowsAtOnce);
    for (int row = begin; row < end; ++row) ask_for(a.format, places[row]);
    for (int row = begin; row < end; ++row) {
      for (int head = 0; head < a.heads; ++head) {
        rope.rotate(q.row(row) + head * dim, dim, places[row].position,
                    rotated + (size_t(row) * a.heads + head) * dim);
      }
    }
    if (a.format.quantized())
      write_rows(IntegerWriter(a.format, narrow), a, rope, k, v, places, begin, end);
    else
      write_rows(RowWriter(a.format, narrow), a, rope, k, v, places, begin, end);
  });
}

}  // namespace mlxd::kernels::cpu
