// Panel kernels for 64-bit Arm, where NEON and FMA are always there.
#include "kernels/cpu/panel_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace mlxd::kernels::cpu {
namespace {

constexpr int kPrefetchBytes = 1024;

struct Neon {
  static constexpr int kLanes = 4;
  static constexpr int kVectors = 4;
  using Floats = float32x4_t;
  using Bytes = uint32x4_t;

  static Floats zero() { return vdupq_n_f32(0); }
  static Floats broadcast(const float* x) { return vld1q_dup_f32(x); }
  static Floats fma(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
  static void store(float* y, Floats a) { vst1q_f32(y, a); }
  static Bytes load_bytes(const uint8_t* p) { return vreinterpretq_u32_u8(vld1q_u8(p)); }

  template <int c>
  static Floats half(Bytes lanes) {
    return floats<(c < 4 ? 8 * c : 8 * (c - 4) + 4)>(lanes, 0xf);
  }

  template <int c>
  static Floats byte(Bytes lanes) {
    return floats<8 * c>(lanes, 0xff);
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    if (type == ScaleType::f32) return vreinterpretq_f32_u8(vld1q_u8(scales));
    uint16x4_t bits = vreinterpret_u16_u8(vld1_u8(scales));
    if (type == ScaleType::f16) return vcvt_f32_f16(vreinterpret_f16_u16(bits));
    return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
  }

 private:
  template <int shift>
  static Floats floats(Bytes lanes, uint32_t mask) {
    if constexpr (shift > 0) lanes = vshrq_n_u32(lanes, shift);
    return vcvtq_f32_u32(vandq_u32(lanes, vdupq_n_u32(mask)));
  }
};

#include "kernels/cpu/panel_kernel.inl"

template <int bits>
constexpr PanelKernel kKernels[] = {panel_kernel<Neon, bits, 1>, panel_kernel<Neon, bits, 2>,
                                    panel_kernel<Neon, bits, 3>, panel_kernel<Neon, bits, 4>};

}  // namespace

const PanelKernels kNeonKernels{4, kKernels<4>, kKernels<8>};

}  // namespace mlxd::kernels::cpu
#endif
