// Panel kernels for AVX-512 with VNNI; this file alone is compiled for it.
#include "kernels/cpu/panel_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_avx512.inl"

struct Avx512Vnni : Avx512 {
  static Ints dot_pairs(Bytes w, Ints x, Ints sum) { return _mm512_dpwssd_epi32(sum, w, x); }

  template <int bits>
  static Ints dot_bytes(Bytes w, Ints x, Ints sum) {
    return _mm512_dpbusd_epi32(sum, w, x);
  }
};

}  // namespace

const KernelTable kAvx512VnniKernels =
    make_table<Avx512Vnni, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12>();

}  // namespace mlxd::kernels::cpu
#endif
