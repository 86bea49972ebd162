// The activations of gated MLPs: plain data.
#pragma once

namespace mlxd::kernels::cpu {

/// What a gated MLP makes of its two halves, each of them activation(gate) * up but the last.
/// silu: x / (1 + e^-x). gelu: x Phi(x), exactly; gelu_tanh: Hendrycks and Gimpel's (2016)
/// approximation, "gelu_pytorch_tanh" of configs. clamped_silu, of gpt-oss: with gate at most 7 and
/// up in [-7, 7], gate / (1 + e^(-1.702 gate)) * (up + 1).
enum class Activation { silu, gelu_tanh, gelu, clamped_silu };

}  // namespace mlxd::kernels::cpu
