// Panel kernels for 64-bit Arm with dot products of bytes; this file alone is compiled for them.
#include <utility>

#include "kernels/cpu/panel_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_neon.inl"

struct NeonDotprod : Neon {
  template <int bits>
  static Ints dot_bytes(Bytes w, Ints x, Ints sum) {
    const int8x16_t columns = vreinterpretq_s8_s32(x);
    if constexpr (bits < 8) return vdotq_s32(sum, vreinterpretq_s8_u32(w), columns);
    // Both factors are signed: w is (w - 128) + 64 + 64.
    const Bytes less = veorq_u32(w, vdupq_n_u32(0x80808080));
    const int8x16_t half = vdupq_n_s8(64);
    sum = vdotq_s32(sum, vreinterpretq_s8_u32(less), columns);
    return vdotq_s32(vdotq_s32(sum, half, columns), half, columns);
  }
};

// Numbers of 16 bits as 256 * high + low, four columns at once: two dot products of bytes. The low
// bytes are unsigned, the high ones signed, and lie behind the four low ones.
template <>
struct Arrangement<NeonDotprod, int16_t> {
  static void apply(int16_t* values, int count) {
    alignas(16) static constexpr uint8_t kOrder[] = {0, 2,  4,  6,  1, 3,  5,  7,
                                                     8, 10, 12, 14, 9, 11, 13, 15};
    const uint8x16_t order = vld1q_u8(kOrder);
    for (int i = 0; i < count; i += 8) {
      const uint8x16_t eight = vreinterpretq_u8_s16(vld1q_s16(values + i));
      vst1q_s16(values + i, vreinterpretq_s16_u8(vqtbl1q_u8(eight, order)));
    }
  }
};

template <int bits>
struct Arithmetic<NeonDotprod, bits, int16_t> {
  using Integers = IntegerArithmetic<NeonDotprod>;
  using Floats = NeonDotprod::Floats;
  using Ints = NeonDotprod::Ints;
  using Weights = NeonDotprod::Bytes;
  struct Columns {
    uint8x16_t low;
    Ints high;
  };
  struct Sum {
    uint32x4_t low;
    Ints high;
  };
  static constexpr int kSteps = 8 / stored_bits(bits), kColumns = 4;

  static Sum zero() { return {vdupq_n_u32(0), vdupq_n_s32(0)}; }
  template <int step>
  static Weights unpack(NeonDotprod::Bytes lanes) {
    return Arithmetic<NeonDotprod, bits, int8_t>::template unpack<step>(lanes);
  }
  static Columns broadcast(const int16_t* x) {
    return {vreinterpretq_u8_s32(NeonDotprod::broadcast_word(x)),
            NeonDotprod::broadcast_word(x + 2)};
  }
  static Sum multiply_add(Weights w, const Columns& x, const Sum& sum) {
    return {vdotq_u32(sum.low, vreinterpretq_u8_u32(w), x.low),
            NeonDotprod::dot_bytes<bits>(w, x.high, sum.high)};
  }
  static Floats add_dot(Floats scale, const float* x_scale, const Sum& dot, Floats total) {
    const Ints sum = vaddq_s32(vreinterpretq_s32_u32(dot.low), vshlq_n_s32(dot.high, 8));
    return Integers::add_dot(scale, x_scale, sum, total);
  }
  static Floats add_bias(Floats bias, const float* sum, Floats total) {
    return Integers::add_bias(bias, sum, total);
  }
};

}  // namespace

const KernelTable kNeonDotprodKernels = make_table<NeonDotprod, 4, 3>();

}  // namespace mlxd::kernels::cpu
#endif
