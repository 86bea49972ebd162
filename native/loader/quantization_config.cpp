// See quantization_config.h.
#include "loader/quantization_config.h"

#include <algorithm>
#include <array>

namespace mlxd {

namespace {

nn::QuantizationScheme read_scheme(const Fields& fields) {
  constexpr std::array<int, 3> group_sizes{32, 64, 128};
  constexpr std::array<int, 6> bit_widths{2, 3, 4, 5, 6, 8};
  const std::string mode = fields.string("mode", "affine");
  if (mode != "affine" && mode != "mxfp4") {
    fields.fail("mode", "\"" + mode + "\" is not supported; supported are affine and mxfp4");
  }
  const bool mxfp4 = mode == "mxfp4";
  const nn::QuantizationScheme scheme{
      fields.integer("group_size", 1, 1 << 20), fields.integer("bits", 1, 32),
      mxfp4 ? nn::QuantizationMode::mxfp4 : nn::QuantizationMode::affine};
  if (mxfp4 && scheme.group_size != 32) fields.fail("group_size", "must be 32 with mode mxfp4");
  if (mxfp4 && scheme.bits != 4) fields.fail("bits", "must be 4 with mode mxfp4");
  if (std::ranges::find(group_sizes, scheme.group_size) == group_sizes.end()) {
    fields.fail("group_size", "must be 32, 64 or 128");
  }
  if (std::ranges::find(bit_widths, scheme.bits) == bit_widths.end()) {
    fields.fail("bits", "must be 2, 3, 4, 5, 6 or 8");
  }
  return scheme;
}

}  // namespace

std::optional<nn::Quantization> read_quantization(const Fields& config) {
  auto fields = config.fields("quantization");
  if (!fields) fields = config.fields("quantization_config");
  if (!fields) return std::nullopt;
  if (fields->has("quant_method")) {
    fields->fail("quant_method", "\"" + fields->string("quant_method") +
                                     "\" is not supported; convert the model to MLX's format");
  }
  nn::Quantization quantization{read_scheme(*fields), {}};
  for (const auto& [key, value] : fields->object().members()) {
    if (const bool* quantized = value.as<bool>()) {
      if (*quantized) {
        quantization.overrides[key] = quantization.standard;
      } else {
        quantization.overrides[key] = std::nullopt;
      }
    } else if (value.as<json::Object>() != nullptr) {
      quantization.overrides[key] = read_scheme(*fields->fields(key));
    }
  }
  return quantization;
}

}  // namespace mlxd
