// Norms and gated activations where no matrix is near (those of a leaf are in matmul.h). Float32;
// the bits of a row depend on that row only.
#pragma once

#include <cstddef>
#include <optional>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/panel_kernels.h"
#include "kernels/cpu/prepared_input.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels::cpu {

/// The norm of each row of x [count, width] -> out, contiguous.
void norm_rows(const Norm& norm, const Rows& x, int width, float* out, Isa isa, ThreadPool& pool);

/// y [count, width], contiguous, becomes residual + scale * norm(y); without the norm where there
/// is none.
void join_rows(const std::optional<Norm>& norm, float scale, const Rows& residual, int width,
               float* y, Isa isa, ThreadPool& pool);

/// Activates gate[i] with up[i], in place, for i < count.
void glu(Activation activation, float* gate, const float* up, size_t count, Isa isa,
         ThreadPool& pool);

/// The same where nothing gates: x[i] becomes activation(x[i]). Not clamped_silu.
void activate(Activation activation, float* x, size_t count, Isa isa, ThreadPool& pool);

}  // namespace mlxd::kernels::cpu
