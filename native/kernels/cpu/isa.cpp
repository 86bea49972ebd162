#include "kernels/cpu/isa.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace mlxd::kernels::cpu {

#if defined(__aarch64__)
namespace {

#if defined(__APPLE__)

bool has(const char* feature) {
  int value = 0;
  size_t size = sizeof(value);
  return sysctlbyname(feature, &value, &size, nullptr, 0) == 0 && value != 0;
}

bool has_dot_products() { return has("hw.optional.arm.FEAT_DotProd"); }
bool has_byte_matrices() { return has("hw.optional.arm.FEAT_I8MM"); }

#else

bool has_dot_products() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
bool has_byte_matrices() { return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }

#endif

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
    case Isa::neon_i8mm:
      return "neon_i8mm";
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
  if (has_byte_matrices()) found.push_back(Isa::neon_i8mm);
#endif
  return found;
}

Isa best_isa() {
  static const Isa best = supported_isas().back();
  return best;
}

}  // namespace mlxd::kernels::cpu
