// Panel kernels for AVX2 with FMA and F16C; this file alone is compiled for them.
#include <utility>

#include "kernels/cpu/panel_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_avx2.inl"

}  // namespace

const KernelTable kAvx2Kernels = make_table<Avx2, 5, 5>();

}  // namespace mlxd::kernels::cpu
#endif
