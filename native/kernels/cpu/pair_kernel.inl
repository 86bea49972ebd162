// The kernel for many rows of x of 16 bits and 4-bit weights, for AVX-512 with VNNI. Included
// inside an unnamed namespace, after the vector type Avx512Vnni.
//
// Products are what bounds the other kernels. This one makes half as many (S. Winograd, A New
// Algorithm for Inner Product, 1968), and sums of 16 bits for them, of which a CPU does more at
// once:
//   x0 w0 + x1 w1 = (x0 + w1) (x1 + w0) - x0 x1 - w0 w1
// The x0 x1 are summed once for a row, the w0 w1 once for a group of a panel, and weights are
// unpacked once for all rows. Sums may wrap: what is left at the end fits, so it is exact. Of four
// columns 0 and 2 are the x0 and w0 of two such pairs, 1 and 3 the x1 and w1, as Arrangement puts
// them.

struct PairKernel {
  using V = Avx512Vnni;
  using Args = PanelArgs<int16_t>;

  // Those whose sums stay in registers.
  static constexpr int kRowsAPass = 6;

  static void multiply(const Args& args, int rows) {
    alignas(kVectorBytes) float totals[kMostRows][kPanelOutputs];
    __builtin_memset(totals, 0, rows * sizeof(totals[0]));
    const int passes = (rows + kRowsAPass - 1) / kRowsAPass;
    Group group;
    group.packed = args.panel;
    for (int g = 0; g < args.groups; ++g, group.packed += args.group_bytes) {
      Panel<V, 4, int16_t, 1>::prefetch(args, group.packed);
      add_some<kRowsAPass, true>(args, g, 0, rows / passes, group, totals);
      for (int pass = 1; pass < passes; ++pass) {
        const int row = rows * pass / passes, end = rows * (pass + 1) / passes;
        add_some<kRowsAPass, false>(args, g, row, end - row, group, totals + row);
      }
    }
    for (int r = 0; r < rows; ++r) {
      __builtin_memcpy(args.y + r * args.y_stride, totals[r], args.outputs * sizeof(float));
    }
  }

  // Minus the sums of x0 x1 of a row's groups.
  static void cross(const int16_t* x, int groups, int group_size, int32_t* crossed) {
    constexpr int kColumns = 16;
    for (int g = 0; g < groups; ++g) {
      __m256i sums = _mm256_setzero_si256();
      for (int i = 0; i < group_size; i += kColumns, x += kColumns) {
        const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
        sums = _mm256_dpwssd_epi32(sums, first, _mm256_srli_epi64(first, 32));
      }
      uint32_t parts[8];  // every other is 0
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(parts), sums);
      crossed[g] = static_cast<int32_t>(0 - (parts[0] + parts[2]) - (parts[4] + parts[6]));
    }
  }

 private:
  // A group of a panel, as the first pass leaves it for the others.
  struct Group {
    const uint8_t* packed;
    // For four columns and 16 outputs: w0 of two pairs, then w1.
    alignas(kVectorBytes) int16_t weights[kMaxGroup / 4][V::kVectors][2][2 * V::kLanes];
    V::Ints crossed[V::kVectors];  // sums of w0 w1
    V::Floats scales[V::kVectors], biases[V::kVectors];

    void load_scales(const Args& args) {
      const int width = args.scale_type == ScaleType::f32 ? 4 : 2;
      const uint8_t* scale = packed + size_t(kPanelOutputs) * args.group_size / 2;
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v, scale += V::kLanes * width) {
        scales[v] = V::load_scales(scale, args.scale_type);
        biases[v] = V::load_scales(scale + kPanelOutputs * width, args.scale_type);
      }
    }
  };

  // add_group for `count` rows, known when it is compiled.
  template <int most, bool first>
  static inline void add_some(const Args& args, int g, int row, int count, Group& group,
                              float (*totals)[kPanelOutputs]) {
    if constexpr (most > 1) {
      if (count < most) return add_some<most - 1, first>(args, g, row, count, group, totals);
    }
    add_group<most, first>(args, g, row, group, totals);
  }

  // Not inlined, so that all registers are its own.
  template <int rows, bool first>
  [[gnu::noinline]] static void add_group(const Args& args, int g, int row, Group& group,
                                          float (*totals)[kPanelOutputs]) {
    const size_t index = size_t(row) * args.groups + g;
    if constexpr (first) group.load_scales(args);
    V::Ints dots[rows][V::kVectors];
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      const auto crossed = _mm512_set1_epi32(args.x.crossed[index + size_t(r) * args.groups]);
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) dots[r][v] = crossed;
    }
    add_dots<rows, first>(args, args.x.values + row * args.x.stride + size_t(g) * args.group_size,
                          group, dots);
    // Copies: for all the compiler knows, storing totals changes what is in `group`.
    V::Ints group_crossed[V::kVectors];
    V::Floats scales[V::kVectors], biases[V::kVectors];
    MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
      group_crossed[v] = group.crossed[v];
      scales[v] = group.scales[v];
      biases[v] = group.biases[v];
    }
    const size_t groups = args.groups;
    const float* const x_scales = args.x.scales + index;
    const float* const x_sums = args.x.sums + index;
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      const auto x_scale = V::broadcast(x_scales + r * groups);
      const auto x_sum = V::broadcast(x_sums + r * groups);
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
        float* at = totals[r] + v * V::kLanes;
        const auto dot = V::to_floats(_mm512_sub_epi32(dots[r][v], group_crossed[v]));
        const auto total =
            V::fused_multiply_add(V::multiply(scales[v], x_scale), dot, _mm512_load_ps(at));
        _mm512_store_ps(at, V::fused_multiply_add(biases[v], x_sum, total));
      }
    }
  }

  template <int rows, bool first>
  static inline void add_dots(const Args& args, const int16_t* x, Group& group,
                              V::Ints (*dots)[V::kVectors]) {
    const size_t tile_bytes = size_t(kTileOutputs) * args.group_size / 2;
    V::Ints crossed[V::kVectors] = {V::zero_ints(), V::zero_ints()};
    const uint8_t* from = group.packed;
    for (int quad = 0; quad < args.group_size / 4; quad += 2, from += kVectorBytes) {
      Weights w[2][V::kVectors];  // of two times four columns
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
        if constexpr (first) {
          const V::Bytes lanes = V::load_bytes(from + v * tile_bytes);
          w[0][v] = {V::mask<0, kPair>(lanes), V::mask<8, kPair>(lanes)};
          w[1][v] = {V::mask<4, kPair>(lanes), V::mask<12, kPair>(lanes)};
        }
      }
      MLXD_UNROLL for (int i = 0; i < 2; ++i) {
        MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
          auto* at = group.weights[quad + i][v];
          if constexpr (first) {
            _mm512_store_si512(at[0], w[i][v].first);
            _mm512_store_si512(at[1], w[i][v].second);
            crossed[v] = V::dot_pairs(w[i][v].first, w[i][v].second, crossed[v]);
          } else {
            w[i][v] = {_mm512_load_si512(at[0]), _mm512_load_si512(at[1])};
          }
        }
        add_quad<rows>(w[i], x + 4 * (quad + i), args.x.stride, dots);
      }
    }
    if constexpr (first) {
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) group.crossed[v] = crossed[v];
    }
  }

  // w0 and w1 of two pairs.
  struct Weights {
    V::Bytes first, second;
  };
  static constexpr int kPair = 0x000f000f;

  // Four columns.
  template <int rows>
  static inline void add_quad(const Weights* w, const int16_t* x, size_t stride,
                              V::Ints (*dots)[V::kVectors]) {
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      const auto x0 = V::broadcast_word(x + r * stride);
      const auto x1 = V::broadcast_word(x + r * stride + 2);
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
        dots[r][v] = V::dot_pairs(_mm512_add_epi16(x0, w[v].second),
                                  _mm512_add_epi16(x1, w[v].first), dots[r][v]);
      }
    }
  }
};
