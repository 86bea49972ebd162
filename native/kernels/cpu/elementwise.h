// What surrounds the matmuls of a block: norm before, activation or residual after. Float32; the
// bits of a row depend on that row only.
#pragma once

#include <cstddef>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// x [count, width] * weight [width] / sqrt(mean(x^2) + eps) -> out, contiguous.
void rms_norm(const Rows& x, const float* weight, int width, float eps, float* out, Isa isa,
              ThreadPool& pool);

/// (x - mean(x)) * weight / sqrt(variance(x) + eps) + bias -> out, contiguous. `weight` and `bias`
/// [width] may be null.
void layer_norm(const Rows& x, const float* weight, const float* bias, int width, float eps,
                float* out, Isa isa, ThreadPool& pool);

/// silu: x / (1 + e^-x). gelu: x Phi(x), exactly; gelu_tanh: Hendrycks and Gimpel's (2016)
/// approximation, "gelu_pytorch_tanh" of configs.
enum class Activation { silu, gelu_tanh, gelu };

/// gate[i] = activation(gate[i]) * up[i] for i < count.
void glu(Activation activation, float* gate, const float* up, size_t count, Isa isa,
         ThreadPool& pool);

/// y [count, width], contiguous, += x.
void add_rows(const Rows& x, int width, float* y, ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
