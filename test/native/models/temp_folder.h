// A folder for one test, removed with all it holds when the test ends.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace mlxd::test {

class TempFolder {
 public:
  TempFolder() {
    static int count = 0;
    const auto name = "mlxd-model-tests-" +
                      std::to_string(std::filesystem::hash_value(std::filesystem::current_path())) +
                      "-" + std::to_string(count++);
    path_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }

  std::string read(const std::string& name) const {
    std::ifstream stream(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  void copy_from(const std::filesystem::path& folder) const {
    std::filesystem::copy(folder, path_,
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace mlxd::test
