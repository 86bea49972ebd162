// The rules of sampling against what mlx-lm's functions make of the same logits, by our kernels and
// by the composition of MLX's operations. The fixture is of
// scripts/fixtures/make_sampling_goldens.py.
#include <set>

#include "doctest/doctest.h"
#include "engine/core/token_history.h"
#include "kernels/settings.h"
#include "loader/json_file.h"
#include "sampler/row_rules.h"
#include "sampler/rules.h"

using namespace mlxd;

namespace {

const json::Object& object(const json::Value& value) { return *value.as<json::Object>(); }

double number(const json::Value& value) {
  if (const auto* integer = value.as<int64_t>()) return static_cast<double>(*integer);
  return *value.as<double>();
}

double number(const json::Object& from, const char* name, double otherwise) {
  const auto* value = from.find(name);
  return value == nullptr ? otherwise : number(*value);
}

template <typename T>
std::vector<T> numbers(const json::Value& value) {
  std::vector<T> all;
  for (const auto& each : *value.as<json::Array>()) all.push_back(static_cast<T>(number(each)));
  return all;
}

const json::Value& golden() {
  static const auto value = read_json_file("test/fixtures/sampling-golden.json", 1 << 20);
  return value;
}

const json::Value& field(const char* name) { return *object(golden()).find(name); }

SamplingParams candidate_params(const json::Object& rules) {
  SamplingParams params;
  params.temperature = 5;  // flat: every candidate is drawn
  params.top_k = static_cast<int>(number(rules, "top_k", 0));
  params.top_p = static_cast<float>(number(rules, "top_p", 1));
  params.min_p = static_cast<float>(number(rules, "min_p", 0));
  params.typical_p = static_cast<float>(number(rules, "typical_p", 1));
  params.xtc_probability = rules.find("xtc_threshold") ? 1 : 0;
  params.xtc_threshold = static_cast<float>(number(rules, "xtc_threshold", 0.1));
  params.seed = 5;
  return params;
}

std::set<int> drawn(const std::vector<float>& logits, const SamplingParams& params) {
  constexpr int kDraws = 6000;
  std::vector<SamplerRow> rows;
  for (int i = 0; i < kDraws; ++i) rows.push_back({params, static_cast<uint64_t>(i)});
  const auto row = mx::array(logits.begin(), {1, static_cast<int>(logits.size())});
  auto tokens = sample(mx::repeat(row, kDraws, 0), rows).tokens;
  mx::eval(tokens);
  return {tokens.data<int>(), tokens.data<int>() + tokens.size()};
}

SamplerRow penalty_row(const json::Object& rules) {
  SamplerRow row{{}, 0};
  row.params.repetition_penalty = static_cast<float>(number(rules, "repetition", 1));
  row.params.repetition_window = static_cast<int>(number(rules, "window", 0));
  row.params.presence_penalty = static_cast<float>(number(rules, "presence", 0));
  row.params.frequency_penalty = static_cast<float>(number(rules, "frequency", 0));
  for (const auto& [token, bias] : object(*rules.find("bias")).members()) {
    row.params.logit_bias.push_back({std::stoi(token), static_cast<float>(number(bias))});
  }
  return row;
}

}  // namespace

TEST_CASE("the candidates of each rule are those of mlx-lm") {
  for (const auto choice : {kernels::KernelChoice::automatic, kernels::KernelChoice::mlx}) {
    kernels::set_kernels(choice);
    for (const auto& entry : *field("candidates").as<json::Array>()) {
      const auto params = candidate_params(object(*object(entry).find("rules")));
      CAPTURE(params.top_p);
      CAPTURE(params.typical_p);
      CAPTURE(params.xtc_threshold);
      const auto& kept = *object(entry).find("kept")->as<json::Array>();
      for (size_t i = 0; i < kept.size(); ++i) {
        const auto logits = numbers<float>(field("logits").as<json::Array>()->at(i));
        const auto expected = numbers<int>(kept[i]);
        CHECK(drawn(logits, params) == std::set<int>(expected.begin(), expected.end()));
      }
    }
    kernels::set_kernels(kernels::KernelChoice::automatic);
  }
}

TEST_CASE("penalties and biases are those of mlx-lm, the last token in flight or not") {
  const auto prompt = numbers<Token>(field("prompt"));
  const auto completion = numbers<Token>(field("completion"));
  const auto logits = numbers<float>(field("logits").as<json::Array>()->at(1));
  for (const auto& entry : *field("penalties").as<json::Array>()) {
    SamplerRow row = penalty_row(object(*object(entry).find("rules")));
    const auto expected = numbers<float>(*object(entry).find("logits"));
    for (bool in_flight : {false, true}) {
      TokenHistory history(prompt, row.params.repetition_window);
      for (size_t i = 0; i + in_flight < completion.size(); ++i) history.add(completion[i]);
      row.seen = history.seen(in_flight);
      auto changed = logits;
      change_logits(row, in_flight ? std::optional(completion.back()) : std::nullopt,
                    changed.data());
      for (size_t i = 0; i < logits.size(); ++i) {
        CHECK(changed[i] == doctest::Approx(expected[i]).epsilon(1e-5));
      }
    }
  }
}
