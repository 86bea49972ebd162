// Norms and gated activations where no matrix is near (those of a leaf are in matmul.h). Float32;
// the bits of a row depend on that row only.
#pragma once

#include <cstddef>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/panel_kernels.h"
#include "kernels/cpu/prepared_input.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// x [count, width] * weight [width] / sqrt(mean(x^2) + eps) -> out, contiguous.
void rms_norm(const Rows& x, const float* weight, int width, float eps, float* out, Isa isa,
              ThreadPool& pool);

/// (x - mean(x)) * weight / sqrt(variance(x) + eps) + bias -> out, contiguous. `weight` and `bias`
/// [width] may be null.
void layer_norm(const Rows& x, const float* weight, const float* bias, int width, float eps,
                float* out, Isa isa, ThreadPool& pool);

/// gate[i] = activation(gate[i]) * up[i] for i < count.
void glu(Activation activation, float* gate, const float* up, size_t count, Isa isa,
         ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
