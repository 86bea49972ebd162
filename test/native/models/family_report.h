// What the golden tests found of each fixture, as scripts/families.ts reads it.
#pragma once

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "loader/config.h"

namespace mlxd::test {

class FamilyReport {
 public:
  /// The largest difference to mlx-lm's logits, as a part of the largest of them, by what was done.
  using Errors = std::vector<std::pair<const char*, float>>;

  void add(const std::string& fixture, const Config& config, const Errors& errors);

  /// A JSON array of {fixture, family, weights: ["affine 4"], window, errors: {prefill: 1e-7}}.
  /// Weights are empty for a dense model.
  void write(const std::filesystem::path& file) const;

 private:
  std::ostringstream rows_;
};

}  // namespace mlxd::test
