// The header of a .safetensors file, checked before anything else reads the file. No MLX here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mlxd {

struct TensorInfo {
  std::string name;
  std::string dtype;  // as in the file: "F16", "BF16", "U32" ...
  std::vector<int64_t> shape;
  uint64_t begin;  // bytes from the start of the data, which follows the header
  uint64_t end;
};

/// Checks the JSON text of a header against the `data_bytes` that follow it and returns its tensors
/// in file order. Throws std::runtime_error for anything that the format forbids (duplicate names,
/// spans that overlap, leave holes or do not fit dtype x shape) and for dtypes that MLX cannot
/// hold.
std::vector<TensorInfo> parse_safetensors_header(std::string_view json, uint64_t data_bytes);

/// Reads and checks the header of `file`. Errors begin with its name.
std::vector<TensorInfo> read_safetensors_header(const std::filesystem::path& file);

}  // namespace mlxd
