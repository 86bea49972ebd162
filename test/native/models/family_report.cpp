// See family_report.h.
#include "family_report.h"

#include <fstream>
#include <set>

namespace mlxd::test {

namespace {

std::string name_of(const nn::QuantizationScheme& scheme) {
  const std::string mode = kernels::mode_name(scheme.mode);
  return mode == "affine" ? mode + " " + std::to_string(scheme.bits) : mode;
}

std::set<std::string> weights_of(const Config& config) {
  std::set<std::string> names;
  if (!config.quantization) return names;
  names.insert(name_of(config.quantization->standard));
  for (const auto& [path, scheme] : config.quantization->overrides) {
    if (scheme) names.insert(name_of(*scheme));
  }
  return names;
}

}  // namespace

void FamilyReport::add(const std::string& fixture, const Config& config, const Errors& errors) {
  rows_ << (rows_.view().empty() ? "[" : ",\n ") << "{\"fixture\": \"" << fixture
        << "\", \"family\": \"" << config.model_type << "\", \"weights\": [";
  const char* comma = "";
  for (const std::string& name : weights_of(config)) {
    rows_ << std::exchange(comma, ", ") << '"' << name << '"';
  }
  rows_ << "], \"window\": " << (config.sliding_window ? "true" : "false") << ", \"errors\": {";
  comma = "";
  for (const auto& [what, error] : errors) {
    rows_ << std::exchange(comma, ", ") << '"' << what << "\": " << error;
  }
  rows_ << "}}";
}

void FamilyReport::write(const std::filesystem::path& file) const {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << rows_.view() << "]\n";
}

}  // namespace mlxd::test
