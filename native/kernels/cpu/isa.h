// The instruction sets that kernels are written for, and which of them this machine has. Knows no
// kernel.
#pragma once

#include <vector>

namespace mlxd::kernels::cpu {

/// avx2 stands for AVX2 + FMA + F16C; avx512 for those and AVX-512 F, BW, DQ and VL; a suffix for
/// the integer dot products of that width. neon_i8mm stands for products of matrices of bytes.
enum class Isa { scalar, avx2, avx2_vnni, avx512, avx512_vnni, neon, neon_dotprod, neon_i8mm };

const char* isa_name(Isa isa);

/// Of this machine and operating system, weakest first; scalar is always there.
std::vector<Isa> supported_isas();

/// The last of `supported_isas`, found once.
Isa best_isa();

}  // namespace mlxd::kernels::cpu
