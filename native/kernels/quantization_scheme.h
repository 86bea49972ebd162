// How weights are quantized: plain data, no tensors.
#pragma once

namespace mlxd::kernels {

/// Names as in MLX's `mode`.
enum class QuantizationMode {
  affine,  // integers: w = scale * q + bias
  mxfp4,   // 4-bit floats, of the Open Compute Project: w = scale * q, groups of 32
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
  return mode == QuantizationMode::mxfp4 ? "mxfp4" : "affine";
}

}  // namespace mlxd::kernels
