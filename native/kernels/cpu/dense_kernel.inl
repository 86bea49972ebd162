// The panel kernel for dense weights, which lie column by column. Included inside an unnamed
// namespace, after panel_kernel.inl.

template <class V, ScaleType type, int rows>
struct DensePanel {
  using Sums = Outputs<V, rows>;

  // Products of `columns` columns, added up one after another.
  static inline Sums dot(const uint8_t* weights, const float* x, size_t stride, int columns) {
    constexpr size_t kWidth = type == ScaleType::f32 ? 4 : 2;
    Sums sums;
    sums.clear();
    for (int c = 0; c < columns; ++c, weights += kPanelOutputs * kWidth) {
      typename V::Floats w[V::kVectors];
      MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
        w[v] = V::load_scales(weights + v * V::kLanes * kWidth, type);
      }
      if constexpr (rows <= 2) __builtin_prefetch(weights + V::kPrefetchBytes);
      MLXD_UNROLL for (int r = 0; r < rows; ++r) {
        const auto value = V::broadcast(x + r * stride + c);
        MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
          sums.at[r][v] = V::multiply_add(w[v], value, sums.at[r][v]);
        }
      }
    }
    return sums;
  }

  static void multiply(const PanelArgs<float>& args) {
    constexpr size_t kWidth = type == ScaleType::f32 ? 4 : 2;
    const int size = args.group_size;
    for (int first = 0; first < args.outputs; first += V::kLanes * V::kVectors) {
      Sums totals;
      totals.clear();
      for (int c = 0; c < args.columns; c += size) {
        const uint8_t* weights = args.panel + (size_t(c) * kPanelOutputs + first) * kWidth;
        const int columns = args.columns - c < size ? args.columns - c : size;
        const Sums sums = dot(weights, args.x.values + c, args.x.stride, columns);
        MLXD_UNROLL for (int r = 0; r < rows; ++r) {
          MLXD_UNROLL for (int v = 0; v < V::kVectors; ++v) {
            totals.at[r][v] = V::add(totals.at[r][v], sums.at[r][v]);
          }
        }
      }
      totals.store(args, first);
    }
  }
};
