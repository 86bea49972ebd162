// The default model against mlx-lm: in the folder where `npm run build` installs it, or that
// MLXD_TEST_MODEL names. Skipped when it is not there.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "golden.h"
#include "loader/fields.h"
#include "loader/json_file.h"

namespace mlxd::test {

namespace {

constexpr double kTolerance = 1e-3;  // logits are of size 10 to 20

std::filesystem::path default_model() {
  const char* named = std::getenv("MLXD_TEST_MODEL");
  return named != nullptr ? named : "models/SmolLM2-135M-Instruct-4bit";
}

mx::array last_row(const mx::array& x) { return rows(x, x.shape(0) - 1, x.shape(0)); }

std::vector<double> numbers(const Fields& fields, std::string_view key) {
  std::vector<double> out;
  for (const json::Value& item : *fields.find(key)->as<json::Array>()) {
    const auto* integer = item.as<int64_t>();
    out.push_back(integer != nullptr ? static_cast<double>(*integer) : *item.as<double>());
  }
  return out;
}

}  // namespace

TEST_CASE("the default model's logits and greedy tokens are mlx-lm's" *
          doctest::skip(!std::filesystem::exists(default_model() / "config.json"))) {
  const json::Value value = read_json_file("test/fixtures/default-model-golden.json", 1 << 20);
  const LoadedModel loaded = load_model(default_model(), nullptr);
  MESSAGE("loaded in ", loaded.report.seconds, " s, ", loaded.report.memory_bytes, " bytes");
  for (const json::Value& item : *value.as<json::Object>()->find("cases")->as<json::Array>()) {
    const Fields golden(item, "default-model-golden.json");
    CAPTURE(golden.string("question"));
    const auto prompt = numbers(golden, "prompt");
    const auto ids = numbers(golden, "top_ids");
    const auto top = numbers(golden, "top_logits");
    const auto greedy = numbers(golden, "greedy");

    Run run(*loaded.model);
    const mx::array last = last_row(run.feed({prompt.begin(), prompt.end()}));
    mx::eval(last);
    double difference = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      const double logit = last.data<float>()[static_cast<size_t>(ids[i])];
      difference = std::max(difference, std::abs(logit - top[i]));
    }
    MESSAGE("greatest difference of the top ", ids.size(), " logits: ", difference);
    CHECK(difference < kTolerance);
    CHECK(run.greedy(last, static_cast<int>(greedy.size())) ==
          std::vector<int>(greedy.begin(), greedy.end()));
  }
}

}  // namespace mlxd::test
