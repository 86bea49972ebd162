// Reads a JSON file whole, with a limit, so that a wrong file cannot fill memory.
#pragma once

#include <filesystem>

#include "loader/json.h"

namespace mlxd {

/// The value in `file`. Throws std::runtime_error that begins with the file's name when it cannot
/// be read, is above `most` bytes or is not valid JSON.
json::Value read_json_file(const std::filesystem::path& file, size_t most);

}  // namespace mlxd
