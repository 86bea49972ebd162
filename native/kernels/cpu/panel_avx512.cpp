// Panel kernels for AVX-512 (F, BW, DQ, VL); this file alone is compiled for it.
#include "kernels/cpu/panel_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace mlxd::kernels::cpu {
namespace {

constexpr int kPrefetchBytes = 2048;

struct Avx512 {
  static constexpr int kLanes = 16;
  static constexpr int kVectors = 2;
  using Floats = __m512;
  using Bytes = __m512i;

  static Floats zero() { return _mm512_setzero_ps(); }
  static Floats broadcast(const float* x) { return _mm512_set1_ps(*x); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static void store(float* y, Floats a) { _mm512_storeu_ps(y, a); }
  static Bytes load_bytes(const uint8_t* p) { return _mm512_loadu_si512(p); }

  // A permute reads only the low four bits of each index: the float of a half in one operation.
  template <int c>
  static Floats half(Bytes lanes) {
    constexpr int kShift = c < 4 ? 8 * c : 8 * (c - 4) + 4;
    const Floats values = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_permutexvar_ps(_mm512_srli_epi32(lanes, kShift), values);
  }

  template <int c>
  static Floats byte(Bytes lanes) {
    Bytes shifted = _mm512_srli_epi32(lanes, 8 * c);
    return _mm512_cvtepi32_ps(c == 3 ? shifted
                                     : _mm512_and_si512(shifted, _mm512_set1_epi32(0xff)));
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    if (type == ScaleType::f32) return _mm512_loadu_ps(scales);
    __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales));
    if (type == ScaleType::f16) return _mm512_cvtph_ps(bits);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
};

#include "kernels/cpu/panel_kernel.inl"

template <int bits>
constexpr PanelKernel kKernels[] = {
    panel_kernel<Avx512, bits, 1>,  panel_kernel<Avx512, bits, 2>,  panel_kernel<Avx512, bits, 3>,
    panel_kernel<Avx512, bits, 4>,  panel_kernel<Avx512, bits, 5>,  panel_kernel<Avx512, bits, 6>,
    panel_kernel<Avx512, bits, 7>,  panel_kernel<Avx512, bits, 8>,  panel_kernel<Avx512, bits, 9>,
    panel_kernel<Avx512, bits, 10>, panel_kernel<Avx512, bits, 11>, panel_kernel<Avx512, bits, 12>};

}  // namespace

const PanelKernels kAvx512Kernels{12, kKernels<4>, kKernels<8>};

}  // namespace mlxd::kernels::cpu
#endif
