// How the CPU kernels represent the activations that a quantized matrix is multiplied with. No GPU
// kernel knows it.
#pragma once

namespace mlxd::kernels {

/// exact: float32. balanced: integers of 16 bits. fast: integers of 8 bits. Integers have one scale
/// for each row and weight group; their dot products are exact, so that only this rounding of x is
/// lost.
enum class Precision { exact, balanced, fast };

}  // namespace mlxd::kernels
