// Changes to the files of a model's copy, for tests of what is wrong with it.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <unordered_map>

#include "mlx/mlx.h"
#include "temp_folder.h"

namespace mlxd::test {
namespace mx = mlx::core;

using Tensors = std::unordered_map<std::string, mx::array>;

/// Puts `to` where a file of `folder` first has `from`, which it must have.
inline void replace_in(const TempFolder& folder, const std::string& file, const std::string& from,
                       const std::string& to) {
  std::string text = folder.read(file);
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  folder.write(file, text.replace(at, from.size(), to));
}

/// Has `edit` change the tensors of a safetensors file of `folder`.
template <class Edit>
void edit_tensors_of(const TempFolder& folder, const std::string& file, Edit edit) {
  const auto path = (folder.path() / file).string();
  Tensors tensors = mx::load_safetensors(path).first;
  for (auto& [name, tensor] : tensors) mx::eval(tensor);
  edit(tensors);
  mx::save_safetensors(path, tensors);
}

}  // namespace mlxd::test
