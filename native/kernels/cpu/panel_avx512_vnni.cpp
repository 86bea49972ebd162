// Panel kernels for AVX-512 with VNNI; this file alone is compiled for it.
#include <utility>

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

#include "kernels/cpu/pair_kernel.inl"

constexpr KernelTable table() {
  KernelTable table = make_table<Avx512Vnni, 12, 6>();
  table.balanced.many = {PairKernel::multiply, PairKernel::cross};
  return table;
}

}  // namespace

// Integers need a register for each sum and each total: six rows leave all of them in registers.
const KernelTable kAvx512VnniKernels = table();

}  // namespace mlxd::kernels::cpu
#endif
