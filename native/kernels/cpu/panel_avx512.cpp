// Panel kernels for AVX-512 (F, BW, DQ, VL); this file alone is compiled for it.
#include <utility>

#include "kernels/cpu/panel_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_avx512.inl"

}  // namespace

// Integers need a register for each sum and each total: six rows leave all of them in registers.
const KernelTable kAvx512Kernels = make_table<Avx512, 12, 6>();

}  // namespace mlxd::kernels::cpu
#endif
