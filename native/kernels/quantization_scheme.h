// How weights are quantized: plain data, no tensors.
#pragma once

namespace mlxd::kernels {

/// Names as in MLX's `mode`.
enum class QuantizationMode {
  affine,  // integers: w = scale * q + bias
  // Floats, w = scale * q, after the Open Compute Project: of 4 or 8 bits in groups of 32, and
  // NVIDIA's, of 4 bits in groups of 16.
  mxfp4,
  mxfp8,
  nvfp4,
};

/// Each group of `group_size` weights of a row has a scale, and a bias if the mode is affine; a
/// weight takes `bits` bits.
struct QuantizationScheme {
  int group_size;
  int bits;
  QuantizationMode mode = QuantizationMode::affine;
  bool operator==(const QuantizationScheme&) const = default;
};

/// As MLX's functions take it.
inline const char* mode_name(QuantizationMode mode) {
  constexpr const char* kNames[] = {"affine", "mxfp4", "mxfp8", "nvfp4"};
  return kNames[static_cast<int>(mode)];
}

/// The one scheme of a mode that leaves no choice: any but affine.
inline QuantizationScheme float_scheme(QuantizationMode mode) {
  return {mode == QuantizationMode::nvfp4 ? 16 : 32, mode == QuantizationMode::mxfp8 ? 8 : 4, mode};
}

}  // namespace mlxd::kernels
