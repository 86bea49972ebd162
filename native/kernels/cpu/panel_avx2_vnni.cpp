// Panel kernels for AVX2 with AVX-VNNI; this file alone is compiled for it.
#include <utility>

#include "kernels/cpu/panel_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_avx2.inl"

struct Avx2Vnni : Avx2 {
  static Ints dot_pairs(Bytes w, Ints x, Ints sum) { return _mm256_dpwssd_avx_epi32(sum, w, x); }

  template <int bits>
  static Ints dot_bytes(Bytes w, Ints x, Ints sum) {
    return _mm256_dpbusd_avx_epi32(sum, w, x);
  }
};

}  // namespace

const KernelTable kAvx2VnniKernels = make_table<Avx2Vnni, 5, 5>();

}  // namespace mlxd::kernels::cpu
#endif
