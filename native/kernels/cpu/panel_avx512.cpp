// Panel kernels for AVX-512 (F, BW, DQ, VL); this file alone is compiled for it.
#include "kernels/cpu/panel_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_avx512.inl"

}  // namespace

const KernelTable kAvx512Kernels = make_table<Avx512, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12>();

}  // namespace mlxd::kernels::cpu
#endif
