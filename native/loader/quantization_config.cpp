// See quantization_config.h.
#include "loader/quantization_config.h"

#include <algorithm>
#include <array>

namespace mlxd {

namespace {

using nn::QuantizationMode;

QuantizationMode read_mode(const Fields& fields) {
  const std::string name = fields.string("mode", "affine");
  for (const auto mode : {QuantizationMode::affine, QuantizationMode::mxfp4,
                          QuantizationMode::mxfp8, QuantizationMode::nvfp4}) {
    if (name == kernels::mode_name(mode)) return mode;
  }
  fields.fail("mode",
              "\"" + name + "\" is not supported; supported are affine, mxfp4, mxfp8 and nvfp4");
}

// Modes of floats leave no choice; what the config says of it must be that.
nn::QuantizationScheme read_float_scheme(const Fields& fields, QuantizationMode mode) {
  const nn::QuantizationScheme scheme = kernels::float_scheme(mode);
  const auto check = [&](const char* key, int right) {
    if (fields.integer(key, 1, 1 << 20, right) == right) return;
    fields.fail(key, "must be " + std::to_string(right) + " with mode " + kernels::mode_name(mode));
  };
  check("group_size", scheme.group_size);
  check("bits", scheme.bits);
  return scheme;
}

nn::QuantizationScheme read_scheme(const Fields& fields) {
  constexpr std::array<int, 3> group_sizes{32, 64, 128};
  constexpr std::array<int, 6> bit_widths{2, 3, 4, 5, 6, 8};
  const QuantizationMode mode = read_mode(fields);
  if (mode != QuantizationMode::affine) return read_float_scheme(fields, mode);
  const nn::QuantizationScheme scheme{fields.integer("group_size", 1, 1 << 20),
                                      fields.integer("bits", 1, 32)};
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
    const std::string method = fields->string("quant_method");
    // gpt-oss as OpenAI publishes it: the experts are in mxfp4, and what has no scales is dense.
    if (method == "mxfp4") {
      return nn::Quantization{kernels::float_scheme(QuantizationMode::mxfp4), {}};
    }
    fields->fail("quant_method",
                 "\"" + method + "\" is not supported; convert the model to MLX's format");
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
