// See rope_config.h. Scalings are read as transformers reads them.
#include "loader/rope_config.h"

#include <cmath>

namespace mlxd {

namespace {

constexpr double kLeastFactor = 1e-3, kMostFactor = 1e6;
constexpr const char* kOriginal = "original_max_position_embeddings";

nn::Llama3RopeScaling read_llama3(const Fields& scaling) {
  const nn::Llama3RopeScaling llama3{scaling.real("factor", kLeastFactor, kMostFactor),
                                     scaling.real("low_freq_factor", kLeastFactor, kMostFactor),
                                     scaling.real("high_freq_factor", kLeastFactor, kMostFactor),
                                     scaling.integer(kOriginal, 1, kMostPositions)};
  if (llama3.low_freq_factor >= llama3.high_freq_factor) {
    scaling.fail("high_freq_factor", "must be above low_freq_factor");
  }
  return llama3;
}

// One of the two lists holds for all positions: keys in a cache cannot change from one to the other
// when a text grows past the original context. It is the long one where the model may go there.
nn::LongRopeScaling read_longrope(const Fields& config, const Fields& scaling) {
  const int original =
      (scaling.has(kOriginal) ? scaling : config).integer(kOriginal, 2, kMostPositions);
  const int longest = config.integer("max_position_embeddings", 1, kMostPositions);
  const bool is_long = longest > original;
  const char* key = is_long ? "long_factor" : "short_factor";
  const double factor = static_cast<double>(longest) / original;
  const double usual = is_long ? std::sqrt(1 + std::log(factor) / std::log(original)) : 1;
  const float given = scaling.real("attention_factor", 0, kMostFactor, static_cast<float>(usual));
  nn::LongRopeScaling rope{
      scaling.reals(key, kLeastFactor, kMostFactor),
      scaling.real(is_long ? "long_mscale" : "short_mscale", 0, kMostFactor, given)};
  if (rope.factors.empty()) scaling.fail(key, "is missing");
  return rope;
}

float yarn_magnitude(const Fields& scaling, float factor) {
  const auto of = [&](float times) {
    return factor <= 1 ? 1 : 0.1f * times * std::log(factor) + 1;
  };
  float usual = of(1);
  if (scaling.has("mscale") && scaling.has("mscale_all_dim")) {
    usual = of(scaling.real("mscale", 0, kMostFactor)) /
            of(scaling.real("mscale_all_dim", 0, kMostFactor));
  }
  return scaling.real("attention_factor", 0, kMostFactor, usual);
}

nn::YarnRopeScaling read_yarn(const Fields& config, const Fields& scaling) {
  const float factor = scaling.real("factor", kLeastFactor, kMostFactor);
  const char* const longest = "max_position_embeddings";
  const int original = scaling.has(kOriginal) ? scaling.integer(kOriginal, 1, kMostPositions)
                                              : config.integer(longest, 1, kMostPositions);
  const nn::YarnRopeScaling yarn{factor,
                                 original,
                                 scaling.real("beta_fast", kLeastFactor, kMostFactor, 32),
                                 scaling.real("beta_slow", kLeastFactor, kMostFactor, 1),
                                 scaling.boolean("truncate", true),
                                 yarn_magnitude(scaling, factor)};
  if (yarn.beta_slow >= yarn.beta_fast) scaling.fail("beta_fast", "must be above beta_slow");
  return yarn;
}

void read_scaling(const Fields& config, const Fields& scaling, nn::RopeConfig& rope) {
  const char* key = scaling.has("rope_type") ? "rope_type" : "type";
  const std::string type = scaling.string(key, "default");
  if (type == "linear") {
    rope.scaling = nn::LinearRopeScaling{scaling.real("factor", kLeastFactor, kMostFactor)};
  } else if (type == "llama3") {
    rope.scaling = read_llama3(scaling);
  } else if (type == "longrope" || type == "su") {
    rope.scaling = read_longrope(config, scaling);
  } else if (type == "yarn") {
    rope.scaling = read_yarn(config, scaling);
  } else if (type != "default" && type != "dynamic") {
    // "dynamic" stretches only what is beyond max_position_embeddings, which no sequence goes.
    scaling.fail(key, "\"" + type +
                          "\" is not supported; supported are default, dynamic, linear, llama3, "
                          "longrope, su, yarn");
  }
}

}  // namespace

nn::RopeConfig read_rope(const Fields& config) {
  nn::RopeConfig rope;
  rope.traditional = config.boolean("rope_traditional", false);
  const auto parameters = config.fields("rope_parameters");
  if (parameters && parameters->has("full_attention")) {
    config.fail("rope_parameters", "with a rope for each layer type is not supported");
  }
  const Fields& place = parameters && parameters->has("rope_theta") ? *parameters : config;
  rope.theta = place.real("rope_theta", 1.0, 1e12, rope.theta);
  for (const Fields* holder : {parameters ? &*parameters : nullptr, &config}) {
    if (holder && holder->has("partial_rotary_factor")) {
      rope.rotated = holder->real("partial_rotary_factor", 0.0, 1.0);
    }
  }
  if (const auto scaling = config.fields("rope_scaling")) {
    read_scaling(config, *scaling, rope);
  } else if (parameters) {
    read_scaling(config, *parameters, rope);
  }
  return rope;
}

}  // namespace mlxd
