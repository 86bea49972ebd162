// See text_file.h.
#include "loader/text_file.h"

#include <fstream>
#include <stdexcept>

namespace mlxd {

std::string read_text_file(const std::filesystem::path& file, size_t most) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw std::runtime_error(file.string() + ": cannot be read: " + error.message());
  if (size > most) {
    throw std::runtime_error(file.string() + ": " + std::to_string(size) +
                             " bytes are more than the " + std::to_string(most) + " allowed");
  }
  std::string text(size, '\0');
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(text.data(), static_cast<std::streamsize>(size))) {
    throw std::runtime_error(file.string() + ": cannot be read");
  }
  return text;
}

}  // namespace mlxd
