// The panel kernel of panel_kernels.h, once for all instruction sets. Each panel_*.cpp, compiled
// for its own set, defines its vector type and includes this file inside an unnamed namespace:
// nothing here may be shared between them, or the linker could keep the AVX-512 copy of a function
// for all. For the same reason no standard library function is called.
//
// The vector type V has
// - kLanes, the floats of a vector, and kVectors, the vectors of outputs computed together:
//   kLanes * kVectors is 16 or 32;
// - registers Floats (kLanes floats) and Bytes (the lanes of packed weights they come from);
// - zero, broadcast, fma, store, load_bytes;
// - half<c>, byte<c>: value c of each lane as floats, for 4 bits (c < 8) and 8 bits (c < 4);
// - load_scales: kLanes scales as floats.

#if defined(__clang__)
#define MLXD_UNROLL _Pragma("unroll")
#else
#define MLXD_UNROLL _Pragma("GCC unroll 32")
#endif

constexpr int kPanelOutputs = 32;
constexpr int kTileOutputs = 16;
constexpr int kVectorBytes = 64;

// The sums of one pass: `rows` rows of x by `V::kVectors` vectors of outputs.
template <class V, int rows>
struct Sums {
  typename V::Floats at[rows][V::kVectors];

  void clear() {
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) at[r][v] = V::zero();
    }
  }
};

// Adds value `c` of each lane times column `c` of x, then those after it up to the lane's last.
template <class V, int bits, int rows, int c>
inline void add_columns(const typename V::Bytes* weights, const float* x, size_t x_stride,
                        Sums<V, rows>& dots) {
  typename V::Floats q[V::kVectors];
  MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
    if constexpr (bits == 4) {
      q[v] = V::template half<c>(weights[v]);
    } else {
      q[v] = V::template byte<c>(weights[v]);
    }
  }
  MLXD_UNROLL for (int r = 0; r < rows; ++r) {
    typename V::Floats column = V::broadcast(x + r * x_stride + c);
    MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
      dots.at[r][v] = V::fma(q[v], column, dots.at[r][v]);
    }
  }
  if constexpr (c + 1 < 32 / bits) {
    add_columns<V, bits, rows, c + 1>(weights, x, x_stride, dots);
  }
}

// Where vector `v` of the outputs from `first` on begins in a tile's 64-byte vectors.
template <class V>
inline const uint8_t* lanes(const uint8_t* group, size_t tile_bytes, int first, int v) {
  int output = first + v * V::kLanes;
  return group + output / kTileOutputs * tile_bytes + output % kTileOutputs * 4;
}

template <class V, int bits, int rows>
inline void dot_group(const PanelArgs& args, const uint8_t* group, const float* x, int first,
                      Sums<V, rows>& dots) {
  constexpr int kColumns = 32 / bits;  // of a lane
  const size_t tile_bytes = size_t(kTileOutputs) * args.group_size * bits / 8;
  const uint8_t* from[V::kVectors];
  MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) from[v] = lanes<V>(group, tile_bytes, first, v);
  for (int column = 0; column < args.group_size; column += kColumns) {
    typename V::Bytes weights[V::kVectors];
    MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
      weights[v] = V::load_bytes(from[v]);
      if constexpr (rows <= 2) __builtin_prefetch(from[v] + kPrefetchBytes);
      from[v] += kVectorBytes;
    }
    add_columns<V, bits, rows, 0>(weights, x + column, args.x_stride, dots);
  }
}

template <class V, int rows>
inline void add_group(const PanelArgs& args, const uint8_t* scales, const float* sums, int first,
                      const Sums<V, rows>& dots, Sums<V, rows>& totals) {
  const int width = args.scale_type == ScaleType::f32 ? 4 : 2;
  MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
    const uint8_t* at = scales + (first + v * V::kLanes) * width;
    typename V::Floats scale = V::load_scales(at, args.scale_type);
    typename V::Floats bias = V::load_scales(at + kPanelOutputs * width, args.scale_type);
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      typename V::Floats sum = V::broadcast(sums + r * args.sums_stride);
      typename V::Floats total = V::fma(scale, dots.at[r][v], totals.at[r][v]);
      totals.at[r][v] = V::fma(bias, sum, total);
    }
  }
}

template <class V, int rows>
inline void store_totals(const PanelArgs& args, int first, const Sums<V, rows>& totals) {
  constexpr int kOutputs = V::kLanes * V::kVectors;
  for (int r = 0; r < rows; ++r) {
    float* y = args.y + r * args.y_stride + first;
    if (first + kOutputs <= args.outputs) {
      for (int v = 0; v < V::kVectors; ++v) V::store(y + v * V::kLanes, totals.at[r][v]);
    } else {
      float all[kOutputs];
      for (int v = 0; v < V::kVectors; ++v) V::store(all + v * V::kLanes, totals.at[r][v]);
      for (int i = 0; i < args.outputs - first; ++i) y[i] = all[i];
    }
  }
}

template <class V, int bits, int rows>
void panel_kernel(const PanelArgs& args) {
  const size_t scales_at = size_t(kPanelOutputs) * args.group_size * bits / 8;
  const size_t group_bytes =
      scales_at + 2 * size_t(kPanelOutputs) * (args.scale_type == ScaleType::f32 ? 4 : 2);
  for (int first = 0; first < args.outputs; first += V::kLanes * V::kVectors) {
    Sums<V, rows> totals;
    totals.clear();
    const uint8_t* group = args.panel;
    for (int g = 0; g < args.groups; ++g, group += group_bytes) {
      Sums<V, rows> dots;
      dots.clear();
      dot_group<V, bits, rows>(args, group, args.x + size_t(g) * args.group_size, first, dots);
      add_group<V, rows>(args, group + scales_at, args.sums + g, first, dots, totals);
    }
    store_totals<V, rows>(args, first, totals);
  }
}
