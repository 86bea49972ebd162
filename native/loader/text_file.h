// Reads a small text file whole, with a limit, so that a wrong file cannot fill memory.
#pragma once

#include <filesystem>
#include <string>

namespace mlxd {

/// The bytes of `file`. Throws std::runtime_error when it cannot be read or is above `most` bytes.
std::string read_text_file(const std::filesystem::path& file, size_t most);

}  // namespace mlxd
