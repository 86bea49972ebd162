// Sixteen floats as one value, in as many registers as they take: what attention and elementwise
// kernels are written in, once for all instruction sets. Plain C++ that the compiler vectorizes,
// with every rounding as written, so all of them agree in every bit, but for the scalar kernels
// where products are fused. Included inside an unnamed namespace, after panel_kernel.inl.

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
constexpr int kLaneCount = 16;

#include "kernels/cpu/half.inl"

// kRegisterLanes bytes as integers.
inline IntRegister widen_bytes(const uint8_t* bytes) {
#if defined(__AVX512F__)
  __m128i some;
  __builtin_memcpy(&some, bytes, sizeof(some));
  return (IntRegister)_mm512_cvtepu8_epi32(some);
#elif defined(__AVX2__)
  int64_t some;
  __builtin_memcpy(&some, bytes, sizeof(some));
  return (IntRegister)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(some));
#else
  typedef uint8_t ByteRegister __attribute__((vector_size(kRegisterLanes)));
  ByteRegister some;
  __builtin_memcpy(&some, bytes, sizeof(some));
  return __builtin_convertvector(some, IntRegister);
#endif
}

// a * b + c rounded once, where the instruction set has it; the baseline of x86 rounds twice.
inline Register multiply_add(Register a, Register b, Register c) {
#if defined(__AVX512F__)
  return (Register)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (Register)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (Register)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

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
  void load(const uint16_t* halves) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] = widen(halves + i * kRegisterLanes);
  }
  // Unsigned integers of 8 bits, and of 4: the lower or the higher ones of 16 bytes.
  void load_bytes(const uint8_t* from) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) {
      in[i] = __builtin_convertvector(widen_bytes(from + i * kRegisterLanes), Register);
    }
  }
  void load_nibbles(const uint8_t* from, int shift) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) {
      const IntRegister bytes = widen_bytes(from + i * kRegisterLanes);
      in[i] = __builtin_convertvector(bytes >> shift & 15, Register);
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
  void shift(float by) { MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] += by; }
  void multiply(const Lanes& a) { MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] *= a.in[i]; }
  void scale(float factor) { MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] *= factor; }
  void add_product(const Lanes& a, const Lanes& b) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] += a.in[i] * b.in[i];
  }
  void add_product(const Lanes& a, float b) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] += a.in[i] * b;
  }
  void fuse_product(const Lanes& a, const Lanes& b) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) in[i] = multiply_add(a.in[i], b.in[i], in[i]);
  }
  void fuse_product(const Lanes& a, float b) {
    MLXD_UNROLL for (int i = 0; i < kCount; ++i) {
      in[i] = multiply_add(a.in[i], Register{} + b, in[i]);
    }
  }
};

// Halves are added first, then quarters, pairs, neighbours.
inline float sum_lanes(const Lanes& lanes) {
  float parts[kLaneCount];
  lanes.store(parts);
  for (int i = 0; i < 8; ++i) parts[i] += parts[i + 8];
  for (int i = 0; i < 4; ++i) parts[i] += parts[i + 4];
  return (parts[0] + parts[2]) + (parts[1] + parts[3]);
}

inline float largest_lane(const Lanes& lanes) {
  float parts[kLaneCount];
  lanes.store(parts);
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i)
      parts[i] = parts[i + width] > parts[i] ? parts[i + width] : parts[i];
  }
  return parts[0];
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
