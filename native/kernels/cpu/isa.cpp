#include "kernels/cpu/isa.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace mlxd::kernels::cpu {

#if defined(__aarch64__)
namespace {

bool has_dot_products() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return true;  // Apple's have had them from the first
#endif
}

}  // namespace
#endif

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx2:
      return "avx2";
    case Isa::avx2_vnni:
      return "avx2_vnni";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_vnni:
      return "avx512_vnni";
    case Isa::neon:
      return "neon";
    case Isa::neon_dotprod:
      return "neon_dotprod";
    case Isa::scalar:
      break;
  }
  return "scalar";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> found{Isa::scalar};
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2) found.push_back(Isa::avx2);
  if (avx2 && __builtin_cpu_supports("avxvnni")) found.push_back(Isa::avx2_vnni);
  if (avx512) found.push_back(Isa::avx512);
  if (avx512 && __builtin_cpu_supports("avx512vnni")) found.push_back(Isa::avx512_vnni);
#elif defined(__aarch64__)
  found.push_back(Isa::neon);
  if (has_dot_products()) found.push_back(Isa::neon_dotprod);
#endif
  return found;
}

Isa best_isa() {
  static const Isa best = supported_isas().back();
  return best;
}

}  // namespace mlxd::kernels::cpu
