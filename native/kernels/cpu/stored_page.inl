// How a page's keys and values are read, by the type that they are stored as. Included inside an
// unnamed namespace, after lanes.inl.

// Numbers as they are: float, or float16 as uint16_t.
template <class Element>
struct Plain {
  static constexpr bool kScaled = false;
  struct Place {
    const Element* elements;
    const void* address() const { return elements; }
  };

  // Of 16 keys of a block one column.
  static Place key(const PageArgs& args, int block, int column) {
    const auto* keys = reinterpret_cast<const Element*>(args.keys);
    return {keys + (block * args.dim + column) * kBlockKeys};
  }
  // 16 columns of one place's value.
  static Place value(const PageArgs& args, int width, int place, int column) {
    return {reinterpret_cast<const Element*>(args.values) + place * width + column};
  }
  static void load(Place from, Lanes& to) { to.load(from.elements); }
};

// Integers of `bits` bits, scale * q + bias (see KvPage). Those of 4 bits share bytes with the next
// column's, or with the next 16 columns'.
template <int bits>
struct Scaled {
  static constexpr bool kScaled = true;
  struct Place {
    const uint8_t* bytes;
    int shift;
    const void* address() const { return bytes; }
  };

  static Place key(const PageArgs& args, int block, int column) {
    if (bits == 8) return {args.keys + (block * args.dim + column) * kBlockKeys, 0};
    return {args.keys + (block * (args.dim / 2) + column / 2) * kBlockKeys, column % 2 * 4};
  }
  static Place value(const PageArgs& args, int width, int place, int column) {
    if (bits == 8) return {args.values + place * width + column, 0};
    const int half_rows = (width + 31) / 32;
    return {args.values + (place * half_rows + column / 32) * 16, column / 16 % 2 * 4};
  }
  static void load(Place from, Lanes& to) {
    if (bits == 8)
      to.load_bytes(from.bytes);
    else
      to.load_nibbles(from.bytes, from.shift);
  }

  // Scales of a block's keys in a group of columns, then their biases.
  static void key_scales(const PageArgs& args, int block, int group, Lanes& scale, Lanes& bias) {
    const int groups = (args.dim + kKeyGroup - 1) / kKeyGroup;
    const auto* halves =
        reinterpret_cast<const uint16_t*>(args.keys + kPagePositions * args.dim * bits / 8);
    halves += (block * groups + group) * kBlockKeys;
    scale.load(halves);
    bias.load(halves + kPagePositions * groups);
  }
  // Those of 16 places' values from `place` on.
  static void value_scales(const PageArgs& args, int width, int place, Lanes& scale, Lanes& bias) {
    const int row_bytes = bits == 8 ? width : (width + 31) / 32 * 16;
    const auto* halves =
        reinterpret_cast<const uint16_t*>(args.values + kPagePositions * row_bytes);
    scale.load(halves + place);
    bias.load(halves + kPagePositions + place);
  }
};
