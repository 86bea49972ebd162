// The panel kernel of panel_kernels.h, once for all instruction sets and precisions. Each
// panel_*.cpp, compiled for its own set, defines its vector type and includes this file inside an
// unnamed namespace: nothing here may be shared between them, or the linker could keep the AVX-512
// copy of a function for all. For the same reason no standard library function is called.
//
// The vector type V has
// - kLanes, the floats of a vector, and kVectors, the vectors of outputs computed together:
//   kLanes * kVectors is 16 or 32; kPrefetchBytes, how far ahead weights are asked for;
// - registers Floats, Ints, and Bytes (the lanes of packed weights, 4 bytes a lane);
// - zero_floats, zero_ints, broadcast, broadcast_word (4 bytes), to_floats, store, load_bytes;
// - multiply_add(a, b, c): a * b + c, and fused_multiply_add, the same rounded once;
// - mask<shift, kept>(bytes): each lane shifted right, then and-ed with `kept`;
// - half<shift>(bytes), byte<shift>(bytes): 4 or 8 bits of each lane as floats;
// - dot_pairs(w, x, sum): adds the products of the two int16_t of each lane;
// - dot_bytes<bits>(w, x, sum): the same for four uint8_t, below 2^bits, with four int8_t;
// - add, multiply;
// - either(a, b): a | b; e2m1(bytes): for each byte, below 16, what it is as a 4-bit float, twice
//   and plus 12; store_bytes;
// - load_scales: kLanes scales as floats; load_exponents: the same where they are powers of two,
//   2^(byte - 127);
// - widen(bytes): kLanes bytes, a lane each; e4m3<at>(lanes): the 8 bits of each lane from bit `at`
//   on, as a float e4m3.

#if defined(__clang__)
#define MLXD_UNROLL _Pragma("unroll")
#else
#define MLXD_UNROLL _Pragma("GCC unroll 32")
#endif

constexpr int kPanelOutputs = 32;
constexpr int kTileOutputs = 16;
constexpr int kVectorBytes = 64;
constexpr int kMaxGroup = 128;

// The bits of weights that were spread to bytes before (spread_kernel.inl): at most six of them.
constexpr int kSpread = 6;
// Those of 8-bit floats, which are as many.
constexpr int kFloat8 = 9;
constexpr int stored_bits(int bits) { return bits == 4 ? 4 : 8; }

// What differs between the precisions: how weights leave their lanes, `kSteps` times `kColumns` of
// them, and how they are multiplied with as many columns of x.
template <class V, int bits, class X>
struct Arithmetic;

template <class V, int bits>
struct Arithmetic<V, bits, float> {
  using Sum = typename V::Floats;
  using Weights = typename V::Floats;
  static constexpr int kSteps = 32 / stored_bits(bits), kColumns = 1;

  static Sum zero() { return V::zero_floats(); }
  template <int step>
  static Weights unpack(typename V::Bytes lanes) {
    if constexpr (bits == 4) {
      return V::template half<8 * (step % 4) + 4 * (step / 4)>(lanes);
    } else if constexpr (bits == kFloat8) {
      return V::template e4m3<8 * step>(lanes);
    } else {
      return V::template byte<8 * step>(lanes);
    }
  }
  static typename V::Floats broadcast(const float* x) { return V::broadcast(x); }
  static Sum multiply_add(Weights w, typename V::Floats x, Sum sum) {
    return V::multiply_add(w, x, sum);
  }
  static typename V::Floats add_dot(typename V::Floats scale, const float*, Sum dot,
                                    typename V::Floats total) {
    return V::multiply_add(scale, dot, total);
  }
  static typename V::Floats add_bias(typename V::Floats bias, const float* sum,
                                     typename V::Floats total) {
    return V::multiply_add(bias, V::broadcast(sum), total);
  }
};

template <class V>
struct IntegerArithmetic {
  using Sum = typename V::Ints;
  using Weights = typename V::Bytes;

  static Sum zero() { return V::zero_ints(); }
  static typename V::Ints broadcast(const void* x) { return V::broadcast_word(x); }
  static typename V::Floats add_dot(typename V::Floats scale, const float* x_scale, Sum dot,
                                    typename V::Floats total) {
    return V::fused_multiply_add(V::multiply(scale, V::broadcast(x_scale)), V::to_floats(dot),
                                 total);
  }
  static typename V::Floats add_bias(typename V::Floats bias, const float* sum,
                                     typename V::Floats total) {
    return V::fused_multiply_add(bias, V::broadcast(sum), total);
  }
};

template <class V, int bits>
struct Arithmetic<V, bits, int16_t> : IntegerArithmetic<V> {
  static constexpr int kSteps = 16 / stored_bits(bits), kColumns = 2;

  template <int step>
  static typename V::Bytes unpack(typename V::Bytes lanes) {
    return V::template mask < 8 * (step % 2) + 4 * (step / 2),
           bits == 4 ? 0x000f000f : 0x00ff00ff > (lanes);
  }
  static typename V::Ints multiply_add(typename V::Bytes w, typename V::Ints x,
                                       typename V::Ints sum) {
    return V::dot_pairs(w, x, sum);
  }
};

template <class V, int bits>
struct Arithmetic<V, bits, int8_t> : IntegerArithmetic<V> {
  static constexpr int kSteps = 8 / stored_bits(bits), kColumns = 4;

  template <int step>
  static typename V::Bytes unpack(typename V::Bytes lanes) {
    if constexpr (bits != 4) return lanes;
    return V::template mask<4 * step, 0x0f0f0f0f>(lanes);
  }
  static typename V::Ints multiply_add(typename V::Bytes w, typename V::Ints x,
                                       typename V::Ints sum) {
    return V::template dot_bytes<bits>(w, x, sum);
  }
};

// The outputs of `rows` rows of x, a vector of them a register.
template <class V, int rows>
struct Outputs {
  typename V::Floats at[rows][V::kVectors];

  void clear() {
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) at[r][v] = V::zero_floats();
    }
  }

  // As outputs `first` and on of a panel.
  template <class X>
  void store(const PanelArgs<X>& args, int first) const {
    constexpr int kOutputs = V::kLanes * V::kVectors;
    for (int r = 0; r < rows; ++r) {
      float* y = args.y + r * args.y_stride + first;
      const bool whole = first + kOutputs <= args.outputs;
      float part[kOutputs];
      for (int v = 0; v < V::kVectors; ++v) {
        V::store((whole ? y : part) + v * V::kLanes, at[r][v]);
      }
      for (int i = 0; !whole && i < args.outputs - first; ++i) y[i] = part[i];
    }
  }
};

// The dot products of one group: of `rows` rows of x, whose values are X, with a register of
// outputs for each V::kVectors.
template <class V, int bits, class X, int rows>
struct Dots {
  using A = Arithmetic<V, bits, X>;
  typename A::Sum at[rows][V::kVectors];

  // `tiles` are those of the outputs computed together.
  static inline Dots of(const PanelArgs<X>& args, const uint8_t* tiles, size_t tile_bytes,
                        const X* x) {
    const uint8_t* from[V::kVectors];
    MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
      const int output = v * V::kLanes;
      from[v] = tiles + output / kTileOutputs * tile_bytes + output % kTileOutputs * 4;
    }
    Dots dots;
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) dots.at[r][v] = A::zero();
    }
    for (int column = 0; column < args.group_size; column += A::kSteps * A::kColumns) {
      typename V::Bytes lanes[V::kVectors];
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
        lanes[v] = V::load_bytes(from[v]);
        from[v] += kVectorBytes;
      }
      dots.template add_columns<0>(lanes, x + column, args.x.stride);
    }
    return dots;
  }

 private:
  // Adds what step `step` of unpacking brings times its columns of x, then the steps after it.
  template <int step>
  inline void add_columns(const typename V::Bytes* lanes, const X* x, size_t stride) {
    typename A::Weights w[V::kVectors];
    MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) w[v] = A::template unpack<step>(lanes[v]);
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      const auto columns = A::broadcast(x + r * stride + step * A::kColumns);
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
        at[r][v] = A::multiply_add(w[v], columns, at[r][v]);
      }
    }
    if constexpr (step + 1 < A::kSteps) add_columns<step + 1>(lanes, x, stride);
  }
};

// `rows` rows of x are taken together: one register for each row and vector of outputs.
template <class V, int bits, class X, int rows>
struct Panel {
  using A = Arithmetic<V, bits, X>;
  using GroupDots = Dots<V, bits, X, rows>;
  using Totals = Outputs<V, rows>;
  static constexpr int kOutputs = V::kLanes * V::kVectors;

  // The dots of a group whose weights must be spread first.
  static inline GroupDots dot_spread(const PanelArgs<X>& args, const uint8_t* tiles,
                                     size_t tile_bytes, const X* x) {
    alignas(kVectorBytes) uint8_t bytes[kOutputs * kMaxGroup];
    const size_t spread_bytes = size_t(kTileOutputs) * args.group_size;
    MLXD_UNROLL for (int t = 0; t < kOutputs / kTileOutputs; ++t) {
      args.spread(tiles + t * tile_bytes, args.group_size, bytes + t * spread_bytes);
    }
    return GroupDots::of(args, bytes, spread_bytes, x);
  }

  static inline void add_group(const PanelArgs<X>& args, const uint8_t* scales, int group,
                               int first, const GroupDots& dots, Totals& totals) {
    const int width = args.scale_type == ScaleType::f32 ? 4 : 2;
    MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
      const int output = first + v * V::kLanes;
      typename V::Floats scale, bias;
      if (args.scale_type == ScaleType::e8m0 || args.scale_type == ScaleType::e4m3) {
        constexpr float kScale = 0.5f, kBias = -6;  // of values that are doubled, plus 12
        const auto own = args.scale_type == ScaleType::e8m0
                             ? V::load_exponents(scales + output)
                             : V::template e4m3<0>(V::widen(scales + output));
        scale = V::multiply(own, V::broadcast(&kScale));
        bias = V::multiply(own, V::broadcast(&kBias));
      } else {
        scale = V::load_scales(scales + output * width, args.scale_type);
        bias = V::load_scales(scales + (kPanelOutputs + output) * width, args.scale_type);
      }
      MLXD_UNROLL for (int r = 0; r < rows; ++r) {
        const size_t index = size_t(r) * args.groups + group;
        auto& total = totals.at[r][v];
        total = A::add_dot(scale, args.x.scales + index, dots.at[r][v], total);
        total = A::add_bias(bias, args.x.sums + index, total);
      }
    }
  }

  // The same for 8-bit floats.
  static inline void add_scaled(const uint8_t* scales, int first, const GroupDots& dots,
                                Totals& totals) {
    MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
      const auto scale = V::load_exponents(scales + first + v * V::kLanes);
      MLXD_UNROLL for (int r = 0; r < rows; ++r) {
        totals.at[r][v] = V::multiply_add(scale, dots.at[r][v], totals.at[r][v]);
      }
    }
  }

  // Whole groups are asked for ahead, scales and all: with few rows a panel costs its memory.
  static inline void prefetch(const PanelArgs<X>& args, const uint8_t* group) {
    group += (V::kPrefetchBytes / args.group_bytes + 1) * args.group_bytes;
    for (size_t i = 0; i < args.group_bytes; i += kVectorBytes) __builtin_prefetch(group + i);
  }

  static void multiply(const PanelArgs<X>& args) {
    const size_t scales_at = size_t(kPanelOutputs) * args.group_size * args.bits / 8;
    const size_t tile_bytes = scales_at / (kPanelOutputs / kTileOutputs);
    for (int first = 0; first < args.outputs; first += kOutputs) {
      Totals totals;
      totals.clear();
      const uint8_t* group = args.panel;
      for (int g = 0; g < args.groups; ++g, group += args.group_bytes) {
        prefetch(args, group);
        const X* x = args.x.values + size_t(g) * args.group_size;
        const uint8_t* tiles = group + first / kTileOutputs * tile_bytes;
        const GroupDots dots = bits == kSpread ? dot_spread(args, tiles, tile_bytes, x)
                                               : GroupDots::of(args, tiles, tile_bytes, x);
        if constexpr (bits == kFloat8) {
          add_scaled(group + scales_at, first, dots, totals);
        } else {
          add_group(args, group + scales_at, g, first, dots, totals);
        }
      }
      totals.store(args, first);
    }
  }
};

// Rounds to nearest, ties to even, as the addition does: exact for |x| < 2^22.
inline int32_t round_to_int(float x) {
  return __builtin_bit_cast(int32_t, x + 12582912.0f) - 0x4b400000;
}

// How the kernels of V want a row of x to lie. Of 16 bits, unless V says otherwise, columns 1 and 2
// of every four are swapped: they take bytes 0 and 2 of a lane together, then 1 and 3.
template <class V, class X>
struct Arrangement {
  static void apply(int16_t* values, int count) {
    for (int i = 0; i < count; i += 4) {
      uint64_t four;
      __builtin_memcpy(&four, values + i, sizeof(four));
      four = (four & 0xffff00000000ffff) | (four >> 16 & 0xffff0000) | (four & 0xffff0000) << 16;
      __builtin_memcpy(values + i, &four, sizeof(four));
    }
  }
};
template <class V>
struct Arrangement<V, int8_t> {
  static void apply(int8_t*, int) {}
};

template <class V, class X>
void quantize_row(const float* x, int groups, int group_size, X* values, float* scales,
                  float* sums) {
  // Of 16 bits only so many that both halves stay within int8_t, for kernels that take them apart.
  constexpr float kLargest = sizeof(X) == 2 ? 127 * 256 + 127 : 127;
  X* const row = values;
  for (int g = 0; g < groups; ++g, x += group_size, values += group_size) {
    int32_t largest = 0;  // as bits: in the order of magnitudes, infinity and NaN at the end
    for (int i = 0; i < group_size; ++i) {
      const int32_t magnitude = __builtin_bit_cast(int32_t, x[i]) & 0x7fffffff;
      largest = magnitude > largest ? magnitude : largest;
    }
    const bool finite = largest < 0x7f800000;
    float scale = __builtin_bit_cast(float, largest) / kLargest;
    if (!(scale >= 0x1p-126f)) scale = 0x1p-126f;  // so that its inverse is finite
    const float inverse = finite ? 1 / scale : 0;
    int32_t sum = 0;
    for (int i = 0; i < group_size; ++i) {
      const int32_t value = finite ? round_to_int(x[i] * inverse) : 0;
      values[i] = static_cast<X>(value);
      sum += value;
    }
    scales[g] = finite ? scale : __builtin_nanf("");
    sums[g] = scales[g] * static_cast<float>(sum);
  }
  // All at the end: reading what was written just before waits.
  Arrangement<V, X>::apply(row, groups * group_size);
}
