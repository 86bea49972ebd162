#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {

const PanelKernels& panel_kernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return kAvx2Kernels;
    case Isa::avx512:
      return kAvx512Kernels;
#elif defined(__aarch64__)
    case Isa::neon:
      return kNeonKernels;
#endif
    default:
      return kScalarKernels;
  }
}

}  // namespace mlxd::kernels::cpu
