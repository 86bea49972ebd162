#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {

const KernelTable& kernel_table(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return kAvx2Kernels;
    case Isa::avx2_vnni:
      return kAvx2VnniKernels;
    case Isa::avx512:
      return kAvx512Kernels;
    case Isa::avx512_vnni:
      return kAvx512VnniKernels;
#elif defined(__aarch64__)
    case Isa::neon:
      return kNeonKernels;
    case Isa::neon_dotprod:
      return kNeonDotprodKernels;
    case Isa::neon_i8mm:
      return kNeonI8mmKernels;
#endif
    default:
      return kScalarKernels;
  }
}

}  // namespace mlxd::kernels::cpu
