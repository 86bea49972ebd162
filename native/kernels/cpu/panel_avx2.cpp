// Panel kernels for AVX2 with FMA and F16C; this file alone is compiled for them.
#include "kernels/cpu/panel_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace mlxd::kernels::cpu {
namespace {

constexpr int kPrefetchBytes = 2048;

struct Avx2 {
  static constexpr int kLanes = 8;
  static constexpr int kVectors = 2;
  using Floats = __m256;
  using Bytes = __m256i;

  static Floats zero() { return _mm256_setzero_ps(); }
  static Floats broadcast(const float* x) { return _mm256_broadcast_ss(x); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static void store(float* y, Floats a) { _mm256_storeu_ps(y, a); }
  static Bytes load_bytes(const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }

  template <int c>
  static Floats half(Bytes lanes) {
    constexpr int kShift = c < 4 ? 8 * c : 8 * (c - 4) + 4;
    return floats(_mm256_srli_epi32(lanes, kShift), 0xf);
  }

  template <int c>
  static Floats byte(Bytes lanes) {
    return floats(_mm256_srli_epi32(lanes, 8 * c), 0xff);
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    if (type == ScaleType::f32) return _mm256_loadu_ps(reinterpret_cast<const float*>(scales));
    __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales));
    if (type == ScaleType::f16) return _mm256_cvtph_ps(bits);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }

 private:
  static Floats floats(Bytes lanes, int mask) {
    return _mm256_cvtepi32_ps(_mm256_and_si256(lanes, _mm256_set1_epi32(mask)));
  }
};

#include "kernels/cpu/panel_kernel.inl"

template <int bits>
constexpr PanelKernel kKernels[] = {panel_kernel<Avx2, bits, 1>, panel_kernel<Avx2, bits, 2>,
                                    panel_kernel<Avx2, bits, 3>, panel_kernel<Avx2, bits, 4>,
                                    panel_kernel<Avx2, bits, 5>};

}  // namespace

const PanelKernels kAvx2Kernels{5, kKernels<4>, kKernels<8>};

}  // namespace mlxd::kernels::cpu
#endif
