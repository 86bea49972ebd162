// Panel kernels for 64-bit Arm, where NEON and FMA are always there.
#include <utility>

#include "kernels/cpu/panel_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"
#include "kernels/cpu/vector_neon.inl"

}  // namespace

const KernelTable kNeonKernels = make_table<Neon, 4, 4>();

}  // namespace mlxd::kernels::cpu
#endif
