// Panel kernels for 64-bit Arm with products of matrices of bytes; this file alone is compiled for
// them.
//
// One instruction multiplies 8 columns of two outputs with two runs of 8 bytes of x, which makes
// four sums. Of integers of 16 bits, 256 * high + low with low signed too, the runs are the low and
// the high bytes of a row's columns; of integers of 8 bits they are the columns of two rows.
// Columns are taken by sixteens: first 0..3 and 8..11, then 4..7 and 12..15, so that weights of 4
// bits are brought into order before they are unpacked.
#include <utility>

#include "kernels/cpu/panel_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_neon.inl"

struct NeonI8mm : Neon {
  template <int bits>
  static Ints dot_bytes(Bytes w, Ints x, Ints sum) {
    return vusdotq_s32(sum, (uint8x16_t)w, (int8x16_t)x);
  }
};

constexpr int kTogether = 16;  // columns

template <>
struct Arrangement<NeonI8mm, int16_t> {
  static void apply(int16_t* values, int count) {
    const int16x8_t carry = vdupq_n_s16(0x80);  // high is one more where low is negative
    for (int i = 0; i < count; i += kTogether) {
      const int16x8_t a = vld1q_s16(values + i), b = vld1q_s16(values + i + 8);
      const int8x16_t low = vuzp1q_s8((int8x16_t)a, (int8x16_t)b);
      const int8x16_t high = vuzp2q_s8((int8x16_t)(a + carry), (int8x16_t)(b + carry));
      const int32x4_t first = vuzp1q_s32((int32x4_t)low, (int32x4_t)high);
      const int32x4_t second = vuzp2q_s32((int32x4_t)low, (int32x4_t)high);
      vst1q_s16(values + i, (int16x8_t)first);
      vst1q_s16(values + i + 8, (int16x8_t)second);
    }
  }
};

// The pairs of runs of x that `rows` rows make, and what becomes of sums with them: `first` those
// of four outputs with the first run, `second` with the other.
template <class X, int rows>
struct Runs;

template <int rows>
struct Runs<int16_t, rows> {
  static constexpr int kPairs = rows;

  static int8x16_t load(const int16_t* x, size_t stride, int pair, int step) {
    return (int8x16_t)vld1q_s16(x + pair * stride + step * kTogether / 2);
  }
  static void finish(int32x4_t first, int32x4_t second, int pair, int v, int32x4_t (*dots)[4]) {
    dots[pair][v] = vaddq_s32(first, vshlq_n_s32(second, 8));
  }
};

template <int rows>
struct Runs<int8_t, rows> {
  static constexpr int kPairs = (rows + 1) / 2;

  static bool is_single(int pair) { return 2 * pair + 1 == rows; }
  static int8x16_t load(const int8_t* x, size_t stride, int pair, int step) {
    x += 2 * pair * stride;
    const auto a = (int32x4_t)vld1q_s8(x);
    const auto b = (int32x4_t)vld1q_s8(is_single(pair) ? x : x + stride);
    return (int8x16_t)(step == 0 ? vuzp1q_s32(a, b) : vuzp2q_s32(a, b));
  }
  static void finish(int32x4_t first, int32x4_t second, int pair, int v, int32x4_t (*dots)[4]) {
    dots[2 * pair][v] = first;
    if (!is_single(pair)) dots[2 * pair + 1][v] = second;
  }
};

// One row of bytes alone would leave half of the products unused.
template <int bits, class X, int rows>
  requires(sizeof(X) < sizeof(float) && sizeof(X) * rows > 1)
struct Dots<NeonI8mm, bits, X, rows> {
  using V = NeonI8mm;
  using R = Runs<X, rows>;
  V::Ints at[rows][V::kVectors];

  static inline Dots of(const PanelArgs<X>& args, const uint8_t* tiles, size_t, const X* x) {
    Dots dots;
    MLXD_UNROLL for (int v = 0; v < V::kVectors; v += kVectors) dots.compute(v, args, tiles, x);
    return dots;
  }

 private:
  // Vectors of outputs whose sums stay in registers.
  static constexpr int kVectors = R::kPairs > 2 ? 2 : 4;
  // Vectors of a tile between those that are zipped.
  static constexpr int kApart = stored_bits(bits) / 4;

  // Sixteen columns of four outputs: for each step those of outputs 0 and 1, then of 2 and 3.
  static inline void unpack(const uint8_t* from, V::Bytes (&w)[2][2]) {
    MLXD_UNROLL for (int step = 0; step < kApart; ++step, from += kVectorBytes) {
      const V::Bytes a = V::load_bytes(from), b = V::load_bytes(from + kApart * kVectorBytes);
      w[step][0] = vzip1q_u32(a, b);
      w[step][1] = vzip2q_u32(a, b);
    }
    if constexpr (kApart == 2) return;
    MLXD_UNROLL for (int o = 0; o < 2; ++o) {
      w[1][o] = V::mask<4, 0x0f0f0f0f>(w[0][o]);
      w[0][o] = V::mask<0, 0x0f0f0f0f>(w[0][o]);
    }
  }

  inline void compute(int first, const PanelArgs<X>& args, const uint8_t* tile, const X* x) {
    V::Ints sums[R::kPairs][kVectors][2];
    MLXD_UNROLL for (int i = 0; i < R::kPairs * kVectors * 2; ++i) {
      sums[i / (kVectors * 2)][i / 2 % kVectors][i % 2] = V::zero_ints();
    }
    for (int column = 0; column < args.group_size; column += kTogether) {
      MLXD_UNROLL for (int v = 0; v < kVectors; ++v) {
        V::Bytes w[2][2];
        unpack(tile + (first + v) * sizeof(V::Bytes), w);
        MLXD_UNROLL for (int i = 0; i < 2 * R::kPairs; ++i) {
          const int step = i / R::kPairs, pair = i % R::kPairs;
          const int8x16_t runs = R::load(x + column, args.x.stride, pair, step);
          MLXD_UNROLL for (int o = 0; o < 2; ++o) {
            auto& sum = sums[pair][v][o];
            sum = vusmmlaq_s32(sum, (uint8x16_t)w[step][o], runs);
          }
        }
      }
      tile += 2 * kApart * kVectorBytes;
    }
    MLXD_UNROLL for (int pair = 0; pair < R::kPairs; ++pair) {
      MLXD_UNROLL for (int v = 0; v < kVectors; ++v) {
        const V::Ints* sum = sums[pair][v];
        R::finish(vuzp1q_s32(sum[0], sum[1]), vuzp2q_s32(sum[0], sum[1]), pair, first + v, at);
      }
    }
  }
};

}  // namespace

const KernelTable kNeonI8mmKernels = make_table<NeonI8mm, 4, 4>();

}  // namespace mlxd::kernels::cpu
#endif
