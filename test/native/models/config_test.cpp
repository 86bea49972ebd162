// config.json and generation_config.json: what is read, and what is refused by file and key.
#include "loader/config.h"

#include <doctest/doctest.h>

#include <cmath>

#include "errors.h"
#include "temp_folder.h"

namespace mlxd::test {

namespace {

// A config with `extra` members; later duplicates are not allowed, so `without` names one to leave
// out.
std::string config_json(const std::string& extra = "", const std::string& without = "") {
  std::string json = "{\"model_type\":\"llama\"";
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"vocab_size", "96"},
                                   {"hidden_size", "64"},
                                   {"intermediate_size", "96"},
                                   {"num_hidden_layers", "2"},
                                   {"num_attention_heads", "4"},
                                   {"rms_norm_eps", "1e-5"},
                                   {"max_position_embeddings", "512"}}) {
    if (key != without) json += ",\"" + key + "\":" + value;
  }
  return json + (extra.empty() ? "" : ",") + extra + "}";
}

Config read(const std::string& json, const std::string& generation = "") {
  const TempFolder folder;
  folder.write("config.json", json);
  if (!generation.empty()) folder.write("generation_config.json", generation);
  return load_config(folder.path());
}

Config with(const std::string& extra) { return read(config_json(extra)); }

// The error of the base config with `key` set to `value`; it names file and key.
std::string refusal(const std::string& key, const std::string& value) {
  const std::string error = error_of([&] { read(config_json("\"" + key + "\":" + value, key)); });
  CAPTURE(error);
  CHECK(says(error, "config.json"));
  CHECK(says(error, key));
  return error;
}

}  // namespace

TEST_CASE("a minimal config and what it defaults to") {
  const Config c = read(config_json());
  CHECK(c.model_type == "llama");
  CHECK(c.kv_heads == 4);
  CHECK(c.head_dim == 16);
  CHECK(c.norm_eps == 1e-5f);
  CHECK(c.rope.theta == 10000.0f);
  CHECK(std::holds_alternative<std::monostate>(c.rope.scaling));
  CHECK_FALSE(c.tie_word_embeddings.has_value());
  CHECK_FALSE(c.sliding_window.has_value());
  CHECK_FALSE(c.attention_bias);
  CHECK(c.layer_types.empty());
  CHECK(c.eos_token_ids.empty());
  CHECK_FALSE(c.quantization.has_value());
}

TEST_CASE("null counts as absent") {
  const Config c = with(R"("sliding_window":null,"rope_scaling":null,"head_dim":null)");
  CHECK_FALSE(c.sliding_window.has_value());
  CHECK(c.head_dim == 16);
}

TEST_CASE("rope in its old and its new place") {
  const Config old = with(R"("rope_theta":500000,"rope_scaling":{"type":"linear","factor":2})");
  CHECK(old.rope.theta == 500000.0f);
  CHECK(std::get<nn::LinearRopeScaling>(old.rope.scaling).factor == 2.0f);
  const Config now = with(
      R"("rope_parameters":{"rope_theta":1e6,"rope_type":"llama3","factor":8,"low_freq_factor":1,
         "high_freq_factor":4,"original_max_position_embeddings":8192})");
  CHECK(now.rope.theta == 1e6f);
  CHECK(std::get<nn::Llama3RopeScaling>(now.rope.scaling).original_context == 8192);
  CHECK(std::holds_alternative<std::monostate>(
      with(R"("rope_parameters":{"rope_theta":1e6,"rope_type":"default"})").rope.scaling));
}

TEST_CASE("the part of a head that is rotated, in both places") {
  CHECK_FALSE(with("").rope.rotated.has_value());
  CHECK(with(R"("partial_rotary_factor":0.25)").rope.rotated == 0.25f);
  CHECK(with(R"("rope_parameters":{"rope_theta":1e6,"partial_rotary_factor":0.5})").rope.rotated ==
        0.5f);
}

TEST_CASE("a norm's epsilon under the names that families give it") {
  for (const std::string key : {"layer_norm_eps", "norm_epsilon", "layer_norm_epsilon"}) {
    CHECK(read(config_json("\"" + key + "\":0.25", "rms_norm_eps")).norm_eps == 0.25f);
  }
  CHECK(says(error_of([] { read(config_json("", "rms_norm_eps")); }), "rms_norm_eps is missing"));
}

TEST_CASE("what the language model of a Gemma 3 that sees leaves to its class") {
  const std::string text = R"("text_config":{"model_type":"gemma3_text","hidden_size":2560,
      "intermediate_size":10240,"num_hidden_layers":34,"sliding_window":1024)";
  const auto read_text = [&](const std::string& more) {
    return read(R"({"model_type":"gemma3","vision_config":{},)" + text + more + "}}");
  };
  const Config c = read_text("");
  CHECK(c.heads == 8);
  CHECK(c.kv_heads == 4);
  CHECK(c.head_dim == 256);
  CHECK(c.vocab_size == 262208);
  CHECK(c.max_position_embeddings == 131072);
  CHECK(c.norm_eps == 1e-6f);
  CHECK(c.rope.theta == 1e6f);
  CHECK(c.activation() == kernels::Activation::gelu_tanh);
  CHECK(c.fields().integer("query_pre_attn_scalar", 1, 1000) == 256);
  const Config other = read_text(R"(,"num_attention_heads":32,"num_key_value_heads":16)");
  CHECK(other.heads == 32);
  CHECK(other.kv_heads == 16);
  CHECK(says(error_of([&] { read(R"({"text_config":{"model_type":"llama"}})"); }), "is missing"));
}

TEST_CASE("what only one family asks for is read from the file itself") {
  const Config c = with(R"("logit_scale":0.5)");
  CHECK(c.fields().real("logit_scale", 0, 1) == 0.5f);
  CHECK(says(error_of([&] { c.fields().real("scale_emb", 0, 1); }), "config.json: scale_emb"));
}

TEST_CASE("a dynamic rope is a plain one up to the longest context") {
  const Config c = with(R"("rope_theta":500000,"rope_scaling":{"type":"dynamic","factor":2})");
  CHECK(c.rope.theta == 500000.0f);
  CHECK(std::holds_alternative<std::monostate>(c.rope.scaling));
}

TEST_CASE("longrope has the factors and the magnitude of the context that the model offers") {
  const std::string lists =
      R"("rope_scaling":{"type":"su","short_factor":[1,2],"long_factor":[3,4.5]},)";
  const auto read_long = [&](const std::string& original) {
    const Config c = with(lists + R"("original_max_position_embeddings":)" + original);
    return std::get<nn::LongRopeScaling>(c.rope.scaling);
  };
  const auto beyond = read_long("64"), within = read_long("512");
  CHECK(beyond.factors == std::vector<float>{3, 4.5});
  CHECK(beyond.magnitude == doctest::Approx(std::sqrt(1 + std::log(8.0) / std::log(64.0))));
  CHECK(within.factors == std::vector<float>{1, 2});
  CHECK(within.magnitude == 1.0f);
  CHECK(says(error_of([] { with(R"("rope_scaling":{"type":"longrope","long_factor":[1]})"); }),
             "original_max_position_embeddings is missing"));
  refusal("rope_scaling", R"({"type":"longrope","original_max_position_embeddings":64})");
  refusal("rope_scaling",
          R"({"type":"su","original_max_position_embeddings":64,"long_factor":[1,"2"]})");
}

TEST_CASE("YaRN's magnitude is given, of two scales, or grows with the factor") {
  const auto magnitude = [](const std::string& extra) {
    const Config c = with(R"("rope_scaling":{"rope_type":"yarn","factor":32)" + extra + "}");
    return std::get<nn::YarnRopeScaling>(c.rope.scaling).magnitude;
  };
  CHECK(magnitude("") == doctest::Approx(0.1 * std::log(32.0) + 1));
  CHECK(magnitude(R"(,"mscale":1,"mscale_all_dim":1)") == 1.0f);
  CHECK(magnitude(R"(,"attention_factor":1.5)") == 1.5f);
  const Config c = with(R"("rope_scaling":{"type":"yarn","factor":4,"truncate":false})");
  const auto yarn = std::get<nn::YarnRopeScaling>(c.rope.scaling);
  CHECK(yarn.original_context == 512);
  CHECK(yarn.beta_fast == 32.0f);
  CHECK_FALSE(yarn.whole_pairs);
  refusal("rope_scaling", R"({"type":"yarn"})");
  refusal("rope_scaling", R"({"type":"yarn","factor":2,"beta_fast":1,"beta_slow":2})");
}

TEST_CASE("rope scalings that we cannot compute are refused by name") {
  CHECK(says(refusal("rope_scaling", R"({"rope_type":"spiral","factor":4})"), "\"spiral\""));
  CHECK(says(refusal("rope_scaling", R"({"type":"linear"})"), "rope_scaling.factor is missing"));
  CHECK(says(refusal("rope_scaling", R"({"type":"linear","factor":0})"), "rope_scaling.factor"));
  CHECK(says(refusal("rope_scaling",
                     R"({"type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,
                         "original_max_position_embeddings":8192})"),
             "high_freq_factor"));
  refusal("partial_rotary_factor", "1.5");
}

TEST_CASE("end tokens of both files together") {
  CHECK(with("\"eos_token_id\":7").eos_token_ids == std::vector<int>{7});
  CHECK(read(config_json("\"eos_token_id\":[9,7]"), R"({"eos_token_id":[7,3]})").eos_token_ids ==
        std::vector<int>{3, 7, 9});
  CHECK(read(config_json(), "{}").eos_token_ids.empty());
  CHECK(says(error_of([] { read(config_json(), R"({"eos_token_id":"7"})"); }),
             "generation_config.json: eos_token_id"));
  CHECK(says(error_of([] { read(config_json(), "{"); }), "generation_config.json: invalid JSON"));
  refusal("eos_token_id", "-1");
  refusal("eos_token_id", "[1,null]");
}

TEST_CASE("quantization with overrides") {
  const Config c = with(R"("quantization":{"group_size":64,"bits":4,"mode":"affine","lm_head":false,
      "model.embed_tokens":{"group_size":32,"bits":8},"model.layers.0.mlp.up_proj":true})");
  REQUIRE(c.quantization.has_value());
  const auto scheme = [&](const char* path) { return nn::scheme_of(*c.quantization, path); };
  CHECK(scheme("model.layers.1.mlp.up_proj") == nn::QuantizationScheme{64, 4});
  CHECK(scheme("model.layers.0.mlp.up_proj") == nn::QuantizationScheme{64, 4});
  CHECK(scheme("model.embed_tokens") == nn::QuantizationScheme{32, 8});
  CHECK_FALSE(scheme("lm_head").has_value());
  CHECK(with(R"("quantization_config":{"group_size":32,"bits":8})").quantization->standard ==
        nn::QuantizationScheme{32, 8});
}

TEST_CASE("modes of floats, mixed with others") {
  const Config c = with(R"("quantization":{"group_size":16,"bits":4,"mode":"nvfp4",
      "lm_head":{"group_size":32,"bits":8,"mode":"mxfp8"},"model.embed_tokens":{"mode":"mxfp4"},
      "model.layers.0.mlp.up_proj":{"group_size":64,"bits":6}})");
  REQUIRE(c.quantization.has_value());
  const auto scheme = [&](const char* path) { return nn::scheme_of(*c.quantization, path); };
  using nn::QuantizationMode;
  CHECK(scheme("model.layers.1.mlp.up_proj") ==
        nn::QuantizationScheme{16, 4, QuantizationMode::nvfp4});
  CHECK(scheme("lm_head") == nn::QuantizationScheme{32, 8, QuantizationMode::mxfp8});
  CHECK(scheme("model.embed_tokens") == nn::QuantizationScheme{32, 4, QuantizationMode::mxfp4});
  CHECK(scheme("model.layers.0.mlp.up_proj") == nn::QuantizationScheme{64, 6});
}

TEST_CASE("the method of gpt-oss as it is published") {
  const Config c = with(R"("quantization_config":{"quant_method":"mxfp4",
      "modules_to_not_convert":["lm_head"]})");
  REQUIRE(c.quantization.has_value());
  CHECK(c.quantization->standard == nn::QuantizationScheme{32, 4, nn::QuantizationMode::mxfp4});
  CHECK(c.quantization->overrides.empty());
}

TEST_CASE("quantizations that we cannot compute are refused by name") {
  CHECK(says(refusal("quantization", R"({"group_size":32,"bits":8,"mode":"fp16"})"), "\"fp16\""));
  CHECK(
      says(refusal("quantization", R"({"group_size":32,"bits":4,"mode":"nvfp4"})"), "must be 16"));
  CHECK(says(refusal("quantization", R"({"group_size":32,"bits":4,"mode":"mxfp8"})"), "must be 8"));
  CHECK(
      says(refusal("quantization", R"({"group_size":64,"bits":4,"mode":"mxfp4"})"), "must be 32"));
  CHECK(says(refusal("quantization", R"({"group_size":32,"bits":8,"mode":"mxfp4"})"), "must be 4"));
  CHECK(says(refusal("quantization_config", R"({"quant_method":"gptq","bits":4})"), "\"gptq\""));
  CHECK(says(refusal("quantization", R"({"group_size":48,"bits":4})"), "quantization.group_size"));
  CHECK(says(refusal("quantization", R"({"group_size":64,"bits":7})"), "quantization.bits"));
  CHECK(says(refusal("quantization", R"({"group_size":64,"bits":4,"lm_head":{"bits":4}})"),
             "quantization.lm_head.group_size is missing"));
}

TEST_CASE("every number is checked") {
  for (const std::string key :
       {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "max_position_embeddings"}) {
    for (const std::string value : {"0", "-1", "1.5", "\"8\"", "[8]", "99999999999", "1e999"}) {
      const std::string error =
          error_of([&] { read(config_json("\"" + key + "\":" + value, key)); });
      CHECK(says(error, "config.json"));
      CHECK(says(error, value == "1e999" ? "out of range" : key));
    }
    CHECK(says(error_of([&] { read(config_json("", key)); }), key + " is missing"));
  }
  refusal("rms_norm_eps", "-1");
  refusal("rms_norm_eps", "\"a\"");
  refusal("num_key_value_heads", "3");
  refusal("num_key_value_heads", "8");
  refusal("num_attention_heads", "7");
  refusal("head_dim", "15");
  refusal("sliding_window", "0");
  refusal("rope_theta", "0");
  refusal("attention_bias", "1");
  refusal("layer_types", R"(["full_attention"])");
  refusal("layer_types", R"(["full_attention","chunked_attention"])");
  refusal("rope_scaling", "3");
}

TEST_CASE("files that are not configs") {
  const TempFolder folder;
  CHECK(says(error_of([&] { load_config(folder.path()); }), "config.json: cannot be read"));
  CHECK(says(error_of([] { read("[]"); }), "must be a JSON object"));
  CHECK(says(error_of([] { read(""); }), "invalid JSON"));
  CHECK(says(error_of([] { read("{}"); }), "model_type is missing"));
}

}  // namespace mlxd::test
