// Attention of a few query heads to a run of keys, once for all instruction sets: plain C++ that
// the compiler vectorizes, with every rounding as written, so all of them agree in every bit.
// Included inside an unnamed namespace, as panel_kernel.inl, which must come before.

#if defined(__AVX512F__)
constexpr int kRegisterBytes = 64;
#elif defined(__AVX__)
constexpr int kRegisterBytes = 32;
#else
constexpr int kRegisterBytes = 16;
#endif
typedef float Register __attribute__((vector_size(kRegisterBytes)));
typedef int32_t IntRegister __attribute__((vector_size(kRegisterBytes)));

constexpr int kRegisterLanes = kRegisterBytes / 4;

// Sixteen floats, in as many registers as they take.
struct Lanes {
  static constexpr int kCount = 64 / kRegisterBytes;
  Register in[kCount];

  void clear() { MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] = Register{}; }
  // One register at a time: a copy of the whole would go through memory in smaller pieces.
  void load(const float* from) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) {
      __builtin_memcpy(&in[i], from + i * kRegisterLanes, kRegisterBytes);
    }
  }
  void store(float* to) const {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) {
      __builtin_memcpy(to + i * kRegisterLanes, &in[i], kRegisterBytes);
    }
  }
  void add(const Lanes& a) { MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] += a.in[i]; }
  void keep_larger(const Lanes& a) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] = a.in[i] > in[i] ? a.in[i] : in[i];
  }
  void scale(float factor) { MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] *= factor; }
  void add_product(const Lanes& a, const Lanes& b) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] += a.in[i] * b.in[i];
  }
  void add_product(const Lanes& a, float b) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] += a.in[i] * b;
  }
};
constexpr int kLaneCount = 16;
constexpr int kLanesAtOnce = 4;  // sums kept in registers

// The sum of each of 16 vectors. Halves are added first, then quarters, pairs, neighbours.
inline void sum_each(Lanes (&vectors)[kLaneCount], float* sums) {
#if defined(__AVX512F__)
  const auto halve = [&](int count, const auto& add) {
    for (int i = 0; i < count; ++i) {
      vectors[i].in[0] = add(vectors[2 * i].in[0], vectors[2 * i + 1].in[0]);
    }
  };
  // clang-format off
  halve(8, [](Register a, Register b) {
    return
      __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
      __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  });
  halve(4, [](Register a, Register b) {
    return
      __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
      __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  });
  halve(2, [](Register a, Register b) {
    return
      __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
      __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  });
  halve(1, [](Register a, Register b) {
    return
      __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
      __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  });
  // clang-format on
  vectors[0].store(sums);
#else
  for (int j = 0; j < kLaneCount; ++j) {
    float parts[kLaneCount];
    vectors[j].store(parts);
    for (int i = 0; i < 8; ++i) parts[i] += parts[i + 8];
    for (int i = 0; i < 4; ++i) parts[i] += parts[i + 4];
    sums[j] = (parts[0] + parts[2]) + (parts[1] + parts[3]);
  }
#endif
}

// Dot products of q with 16 keys, the last of `count` again where there are fewer.
inline void dot_keys(const float* q, const SplitArgs& args, int first, float* dots) {
  Lanes sums[kLaneCount];
  for (int j = 0; j < kLaneCount; ++j) {
    const int key = first + j < args.count ? first + j : args.count - 1;
    const float* k = args.keys + key * args.key_stride;
    Lanes sum;
    sum.clear();
    for (int d = 0; d < args.dim; d += kLaneCount) {
      Lanes a, b;
      a.load(q + d);
      b.load(k + d);
      sum.add_product(a, b);
    }
    sums[j] = sum;
  }
  sum_each(sums, dots);
}

// e^x for x <= 0, relative error below 3e-7; below -87 as at -87.
inline Register exp_negative(Register x) {
  x = x < -87.0f ? Register{} - 87.0f : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const IntRegister n = (IntRegister)(x * 1.44269504f + 12582912.0f) - 0x4b400000;
  const Register whole = __builtin_convertvector(n, Register);
  const Register r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;  // |r| <= ln 2 / 2
  Register p = r * (1.0f / 5040) + 1.0f / 720;                             // Taylor's series
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * (Register)((n + 127) << 23);
}

inline float largest(const float* scores, int count) {
  Lanes lanes;
  lanes.load(scores);
  for (int i = kLaneCount; i < count; i += kLaneCount) {
    Lanes next;
    next.load(scores + i);
    lanes.keep_larger(next);
  }
  float all[kLaneCount];
  lanes.store(all);
  float maximum = all[0];
  for (float value : all) maximum = value > maximum ? value : maximum;
  return maximum;
}

// Scores to weights e^(score - maximum), zero past `count`; returns their sum.
inline float softmax_weights(float* scores, int count, float maximum) {
  const int padded = (count + kLaneCount - 1) / kLaneCount * kLaneCount;
  for (int i = 0; i < padded; i += kRegisterLanes) {
    Register score;
    __builtin_memcpy(&score, scores + i, kRegisterBytes);
    score = exp_negative(score - maximum);
    __builtin_memcpy(scores + i, &score, kRegisterBytes);
  }
  for (int i = count; i < padded; ++i) scores[i] = 0;
  Lanes sums;
  sums.clear();
  for (int i = 0; i < padded; i += kLaneCount) {
    Lanes weights;
    weights.load(scores + i);
    sums.add(weights);
  }
  Lanes vectors[kLaneCount] = {sums};
  float total[kLaneCount];
  sum_each(vectors, total);
  return total[0];
}

// to[d] = sum of weights times values, over kLaneCount * vectors columns.
template <int vectors>
inline void weigh_values(const float* weights, const SplitArgs& args, int column, float* to) {
  Lanes sums[vectors];
  MLXD_UNROLL for (int i = 0; i < vectors; ++i) sums[i].clear();
  for (int j = 0; j < args.count; ++j) {
    const float* v = args.values + j * args.value_stride + column;
    MLXD_UNROLL for (int i = 0; i < vectors; ++i) {
      Lanes value;
      value.load(v + i * kLaneCount);
      sums[i].add_product(value, weights[j]);
    }
  }
  MLXD_UNROLL for (int i = 0; i < vectors; ++i) sums[i].store(to + column + i * kLaneCount);
}

void attend_split(const SplitArgs& args) {
  alignas(64) float scores[kSplitKeys];
  for (int head = 0; head < args.heads; ++head) {
    const float* q = args.q + head * args.q_stride;
    float* out = args.out + head * args.out_stride;
    for (int first = 0; first < args.count; first += kLaneCount) {
      dot_keys(q, args, first, scores + first);
      Lanes scaled;
      scaled.load(scores + first);
      scaled.scale(args.scale);
      scaled.store(scores + first);
    }
    const float maximum = largest(scores, args.count);
    out[args.dim] = maximum;
    out[args.dim + 1] = softmax_weights(scores, args.count, maximum);
    int column = 0;
    for (; column + kLaneCount * kLanesAtOnce <= args.dim; column += kLaneCount * kLanesAtOnce) {
      weigh_values<kLanesAtOnce>(scores, args, column, out);
    }
    for (; column < args.dim; column += kLaneCount) weigh_values<1>(scores, args, column, out);
  }
}
