// Weights of 2, 3, 5 and 6 bits and 4-bit floats, spread to a byte each: group by group, so that
// they are read from a core's first-level cache by the panel kernel for bytes. Included inside an
// unnamed namespace, after panel_kernel.inl.
//
// A code takes `kLoads` vectors of a tile at once, which hold kQuads quads of columns of each row:
// quad<q>(from) is one of them, `from` being where the first of those vectors begins.

// Integers of low + high bits: `low` of them in the first vectors, the rest, if any, in the last.
template <class V, int low, int high>
struct Planes {
  static constexpr int kQuads = 8 / (high ? high : low);
  static constexpr int kLoads = kQuads * (low + high) / 8;

  // `bits` bits in each byte from the lowest on, moved to bit `to`; they are there at bit `at`.
  template <int bits, int at, int to>
  static typename V::Bytes take(const uint8_t* from) {
    return V::template mask<at - to, 0x01010101 * (((1 << bits) - 1) << to)>(V::load_bytes(from));
  }

  template <int q>
  static typename V::Bytes quad(const uint8_t* from) {
    constexpr int kPerVector = 8 / low;
    const auto lower = take<low, q % kPerVector * low, 0>(from + q / kPerVector * kVectorBytes);
    if constexpr (high == 0) {
      return lower;
    } else {
      return V::either(lower, take<high, q * high, low>(from + (kLoads - 1) * kVectorBytes));
    }
  }
};

// 4-bit floats e2m1.
template <class V>
struct Float4 {
  static constexpr int kQuads = 2, kLoads = 1;

  template <int q>
  static typename V::Bytes quad(const uint8_t* from) {
    return V::e2m1(Planes<V, 4, 0>::template quad<q>(from));
  }
};

template <class V, class Code, int q>
inline void spread_quads(const uint8_t* from, uint8_t* to) {
  V::store_bytes(to + q * kVectorBytes, Code::template quad<q>(from));
  if constexpr (q + 1 < Code::kQuads) spread_quads<V, Code, q + 1>(from, to);
}

template <class V, class Code>
void spread_tile(const uint8_t* tile, int group_size, uint8_t* bytes) {
  for (int column = 0; column < group_size; column += 4 * Code::kQuads) {
    for (int lane = 0; lane < kTileOutputs; lane += V::kLanes) {
      spread_quads<V, Code, 0>(tile + 4 * lane, bytes + 4 * lane);
    }
    tile += Code::kLoads * kVectorBytes;
    bytes += Code::kQuads * kVectorBytes;
  }
}
