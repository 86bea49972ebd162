// See json_file.h.
#include "loader/json_file.h"

#include <fstream>
#include <stdexcept>

namespace mlxd {

namespace {

std::string read_text(const std::filesystem::path& file, size_t most) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw std::runtime_error("cannot be read: " + error.message());
  if (size > most) {
    throw std::runtime_error(std::to_string(size) + " bytes are more than the " +
                             std::to_string(most) + " allowed");
  }
  std::string text(size, '\0');
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(text.data(), static_cast<std::streamsize>(size))) {
    throw std::runtime_error("cannot be read");
  }
  return text;
}

}  // namespace

json::Value read_json_file(const std::filesystem::path& file, size_t most) {
  try {
    return json::parse(read_text(file, most));
  } catch (const std::exception& error) {
    throw std::runtime_error(file.string() + ": " + error.what());
  }
}

}  // namespace mlxd
