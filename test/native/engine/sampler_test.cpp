// Sampling against values computed elsewhere: in numpy from the formulas, and with mlx-lm's own
// filters.
#include "sampler/sampler.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "doctest/doctest.h"
#include "kernels/settings.h"
#include "sampler/rules.h"
#include "sampler/uniform.h"

using namespace mlxd;

namespace {

const std::vector<float> kLogits{1.0f, 3.0f, 2.0f, 0.5f, -1.0f, 2.5f, 0.0f, 1.5f};

struct Asked {
  float temperature = 1.0f, top_p = 1.0f;
  int top_k = 0;
  float min_p = 0.0f;
  uint64_t seed = 7;

  SamplerRow at(uint64_t position) const {
    return {{temperature, top_p, top_k, min_p, seed}, position};
  }
};

/// One row of logits, repeated.
mx::array rows_of(const std::vector<float>& logits, size_t count) {
  auto row = mx::array(logits.begin(), {1, static_cast<int>(logits.size())});
  return mx::repeat(row, static_cast<int>(count), 0);
}

/// By our own kernels and by MLX's, which give the same.
std::vector<int> tokens(const mx::array& logits, const std::vector<SamplerRow>& rows,
                        const std::optional<mx::array>& previous = std::nullopt) {
  auto own = sample(logits, rows, previous).tokens;
  kernels::set_kernels(kernels::KernelChoice::mlx);
  auto composed = sample(logits, rows, previous).tokens;
  kernels::set_kernels(kernels::KernelChoice::automatic);
  mx::eval(own, composed);
  REQUIRE(own.dtype() == mx::int32);
  REQUIRE(composed.dtype() == mx::int32);
  std::vector<int> sampled{own.data<int>(), own.data<int>() + own.size()};
  CHECK(sampled == std::vector<int>{composed.data<int>(), composed.data<int>() + composed.size()});
  return sampled;
}

/// The tokens sampled at positions 0 .. count - 1 of one sequence.
std::vector<int> draws(const std::vector<float>& logits, const Asked& asked, int count) {
  std::vector<SamplerRow> rows;
  for (int position = 0; position < count; ++position) rows.push_back(asked.at(position));
  return tokens(rows_of(logits, rows.size()), rows);
}

}  // namespace

TEST_CASE("the random number of a position is the golden one") {
  CHECK(uniform(0, 0) == 0.6524484157562256f);
  CHECK(uniform(0, 1) == 0.1663963794708252f);
  CHECK(uniform(1, 0) == 0.3681894540786743f);
  CHECK(uniform(42, 1000) == 0.45753002166748047f);
  CHECK(uniform(~uint64_t{0}, 7) == 0.10134947299957275f);
}

// numpy: w = exp(logits / T), 0 where a rule leaves the token out; c = cumsum(w); token = count(c
// <= u * c[-1]), with u = uniform(7, position). The rules' sets: order = argsort(-softmax(logits));
// top_p keeps where the sum before is less.
TEST_CASE("tokens are the golden ones, rule by rule") {
  using Tokens = std::vector<int>;
  const std::pair<Asked, Tokens> golden[] = {
      {{}, {5, 1, 5, 7, 1, 5, 1, 2, 1, 2, 2, 1}},
      {{.temperature = 0.5f}, {2, 1, 5, 5, 1, 5, 1, 1, 1, 1, 1, 1}},
      {{.temperature = 2.0f}, {5, 1, 6, 7, 1, 6, 2, 3, 1, 3, 3, 1}},
      {{.top_k = 3}, {5, 1, 5, 5, 1, 5, 1, 2, 1, 2, 2, 1}},
      {{.top_p = 0.7f}, {5, 1, 5, 5, 1, 5, 1, 2, 1, 2, 2, 1}},
      {{.min_p = 0.3f}, {5, 1, 5, 5, 1, 5, 1, 2, 1, 2, 2, 1}},
      {{1.5f, 0.9f, 4, 0.1f}, {5, 1, 7, 7, 1, 5, 2, 2, 1, 2, 2, 1}},
      {{.top_p = 0.0f}, Tokens(12, 1)},
      {{.top_k = 1}, Tokens(12, 1)},
      {{.top_k = 100}, {5, 1, 5, 7, 1, 5, 1, 2, 1, 2, 2, 1}},
      {{.temperature = 0.0f}, Tokens(12, 1)},
      {{.temperature = 1e-30f}, Tokens(12, 1)},
  };
  for (const auto& [asked, expected] : golden) {
    CAPTURE(asked.top_k);
    CAPTURE(asked.top_p);
    CHECK(draws(kLogits, asked, 12) == expected);
  }
}

TEST_CASE("the candidates are those of mlx-lm's filters") {
  std::vector<float> logits;
  for (int i = 0; i < 64; ++i) logits.push_back(static_cast<float>(4 * std::sin(12.9898 * i)));
  // apply_top_p, apply_min_p, apply_top_k of mlx_lm.sample_utils, in the order of its make_sampler.
  const std::pair<Asked, std::set<int>> golden[] = {
      {{.top_k = 7}, {4, 18, 19, 33, 34, 48, 63}},
      {{.top_p = 0.6f}, {3, 4, 18, 19, 33, 34, 48, 49, 62, 63}},
      {{.min_p = 0.25f}, {2, 3, 4, 5, 17, 18, 19, 20, 32, 33, 34, 35, 47, 48, 49, 50, 62, 63}},
      {{1.0f, 0.55f, 9, 0.2f}, {3, 4, 18, 19, 33, 34, 48, 49, 63}},
      {{1.0f, 0.9f, 3, 0.05f}, {4, 48, 63}},
  };
  for (const auto& [asked, expected] : golden) {
    const auto drawn = draws(logits, asked, 2000);
    CHECK(std::set<int>(drawn.begin(), drawn.end()) == expected);
  }
}

TEST_CASE("seeded draws follow the distribution") {
  constexpr int kCount = 40'000;
  const double p[] = {0.05450336, 0.40272836, 0.14815549, 0.03305796,
                      0.00737623, 0.24426710, 0.02005066, 0.08986084};
  for (uint64_t seed : {0, 1, 123456789}) {
    std::vector<int> counts(8);
    for (int token : draws(kLogits, {.seed = seed}, kCount)) ++counts[token];
    double chi_square = 0;
    for (int i = 0; i < 8; ++i) {
      chi_square += std::pow(counts[i] - kCount * p[i], 2) / (kCount * p[i]);
    }
    CHECK(chi_square < 24.3);  // 7 degrees of freedom: exceeded by one seed in a thousand
  }
}

TEST_CASE("a row's token does not depend on the other rows of its batch") {
  const Asked all[] = {{},
                       {.temperature = 0.0f},
                       {.top_p = 0.8f, .seed = 3},
                       {1.3f, 0.9f, 5, 0.0f, 4},
                       {.top_k = 2, .seed = 5},
                       {.min_p = 0.2f, .seed = 6},
                       {.temperature = 0.0f}};
  for (uint64_t position = 0; position < 50; ++position) {
    std::vector<SamplerRow> rows;
    std::vector<int> alone;
    for (const Asked& asked : all) {
      rows.push_back(asked.at(position));
      alone.push_back(tokens(rows_of(kLogits, 1), {rows.back()}).front());
    }
    CHECK(tokens(rows_of(kLogits, rows.size()), rows) == alone);
  }
}

TEST_CASE("tokens and scores have the same bits on one to four threads") {
  constexpr int kRows = 9, kVocabulary = 5003;
  const auto logits = mx::multiply(mx::random::normal({kRows, kVocabulary}), mx::array(3.0f));
  mx::eval(logits);
  std::vector<SamplerRow> rows;
  for (int b = 0; b < kRows; ++b) {
    const Asked asked{b % 3 == 0 ? 0.0f : 0.7f + 0.1f * b, b % 2 ? 0.9f : 1.0f, 40 * (b % 4), 0.01f,
                      static_cast<uint64_t>(b)};
    rows.push_back(asked.at(100 + b));
    if (b % 2 == 0) rows.back().params.logprobs = b;
  }
  const int threads_before = kernels::threads();
  const auto sampled_on = [&](int threads) {
    kernels::set_threads(threads);
    const Samples samples = sample(logits, rows);
    mx::eval(samples.arrays());
    return read(samples);
  };
  const auto one = sampled_on(1);
  for (int threads = 2; threads <= 4; ++threads) {
    const auto more = sampled_on(threads);
    for (int b = 0; b < kRows; ++b) {
      CAPTURE(threads);
      CAPTURE(b);
      CHECK(more[b].token == one[b].token);
      REQUIRE(more[b].scores.size() == one[b].scores.size());
      for (size_t i = 0; i < one[b].scores.size(); ++i) {
        CHECK(more[b].scores[i].token == one[b].scores[i].token);
        CHECK(more[b].scores[i].logprob == one[b].scores[i].logprob);
      }
    }
  }
  kernels::set_threads(threads_before);
}

TEST_CASE("each row's penalties count its own history and its own token in flight") {
  // Of kLogits the best are 1 (3.0), 5 (2.5), 2 (2.0), 7 (1.5).
  std::vector<SamplerRow> rows(5, SamplerRow{{.temperature = 0}, 0});
  rows[1].params.presence_penalty = 0.75f;  // 1 in flight: 3.0 - 0.75 < 2.5
  rows[1].in_flight = 2;
  rows[2].params.frequency_penalty =
      0.4f;  // 1 twice and once more: 3.0 - 1.2; 5 is in flight nowhere
  rows[2].seen = {{1, 2, 2}};
  rows[2].in_flight = 1;
  rows[3].params.repetition_penalty = 2;  // 1 and 5 in the window, 5 in flight
  rows[3].seen = {{1, 1, 0}, {3, 0, 0}};
  rows[3].in_flight = 0;
  rows[4].params.logit_bias = {{1, -100}, {6, 5}};
  const auto previous = mx::array({5, 1, 1}, mx::int32);
  CHECK(tokens(rows_of(kLogits, 5), rows, previous) == std::vector<int>{1, 5, 5, 2, 6});
}

TEST_CASE("a row with a grammar samples what that allows, by any rule") {
  // Of kLogits the best are 1 (3.0), 5 (2.5), 2 (2.0), 7 (1.5).
  const auto mask = [](uint32_t bits) {
    return std::make_shared<const TokenMask>(TokenMask{bits, 0xffffffff});
  };
  std::vector<SamplerRow> rows(4, SamplerRow{{.temperature = 0}, 0});
  rows[1].allowed = mask(0b10000100);
  rows[2].allowed = mask(0b10000100);
  rows[2].params.logit_bias = {{7, 1}, {1, 50}};
  rows[3].allowed = mask(0b1000);
  CHECK(tokens(rows_of(kLogits, 4), rows) == std::vector<int>{1, 2, 7, 3});
  const Asked rules[] = {{},           {.temperature = 1.5f}, {.top_p = 0.3f},
                         {.top_k = 5}, {.min_p = 0.5f},       {2.0f, 0.9f, 4, 0.01f}};
  for (const Asked& asked : rules) {
    for (uint64_t position = 0; position < 100; ++position) {
      SamplerRow row = asked.at(position);
      row.allowed = mask(0b01001001);
      const int token = tokens(rows_of(kLogits, 1), {row}).front();
      CHECK((token == 0 || token == 3 || token == 6));
    }
  }
}

TEST_CASE("tokens that a mask does not reach are never sampled") {
  std::vector<float> logits(70, 0);
  logits[69] = 9;
  logits[40] = 1;
  SamplerRow row{{.temperature = 0}, 0};
  row.allowed = std::make_shared<const TokenMask>(TokenMask{1, 1 << 8});
  CHECK(tokens(rows_of(logits, 1), {row}).front() == 40);
}

TEST_CASE("XTC strikes with its probability, and never the last of the probable") {
  const Asked plain{.temperature = 0.01f};  // the best of what is left
  std::vector<SamplerRow> rows;
  for (uint64_t position = 0; position < 2000; ++position) {
    rows.push_back(plain.at(position));
    rows.back().params.xtc_probability = 0.25f;
    rows.back().params.xtc_threshold = 0.2f;  // tokens 1 and 5 have more: 5 stays
  }
  const auto drawn = tokens(rows_of(kLogits, rows.size()), rows);
  const auto struck = std::count(drawn.begin(), drawn.end(), 5);
  CHECK(struck + std::count(drawn.begin(), drawn.end(), 1) == 2000);
  CHECK(struck > 420);  // 500 expected, four standard deviations
  CHECK(struck < 580);
}

TEST_CASE("tokens of equal probability at the edge all stay") {
  const std::vector<float> logits{1, 2, 2, 2, 0};
  const auto drawn = draws(logits, {.top_k = 2}, 500);
  CHECK(std::set<int>(drawn.begin(), drawn.end()) == std::set<int>{1, 2, 3});
}

TEST_CASE("scores are the logarithms of the model's own probabilities, whatever the rules") {
  std::vector<SamplerRow> rows{Asked{}.at(0), Asked{.temperature = 0}.at(1),
                               Asked{.temperature = 2, .top_k = 3}.at(2)};
  rows[1].params.logprobs = 0;
  rows[2].params.logprobs = 3;
  const Samples samples = sample(rows_of(kLogits, 3), rows);
  mx::eval(samples.arrays());
  const auto all = read(samples);
  CHECK(all[0].scores.empty());
  REQUIRE(all[1].scores.size() == 1);
  REQUIRE(all[2].scores.size() == 4);
  double sum = 0;
  for (float logit : kLogits) sum += std::exp(static_cast<double>(logit));
  for (const auto& sampled : {all[1], all[2]}) {
    CHECK(sampled.scores[0].token == sampled.token);
    for (const auto& [token, logprob] : sampled.scores) {
      CHECK(logprob == doctest::Approx(kLogits[token] - std::log(sum)).epsilon(1e-6));
    }
  }
  const std::vector<int> best{all[2].scores[1].token, all[2].scores[2].token,
                              all[2].scores[3].token};
  CHECK(best == std::vector<int>{1, 5, 2});
}

TEST_CASE("half precision logits and broken ones stay inside the vocabulary") {
  auto half = mx::astype(rows_of(kLogits, 2), mx::float16);
  CHECK(tokens(half, {Asked{}.at(0), Asked{.temperature = 0}.at(0)}) == std::vector<int>{5, 1});
  const auto broken = rows_of({NAN, NAN, NAN}, 3);
  const std::vector<SamplerRow> rows{Asked{}.at(0), Asked{.top_p = 0.5f}.at(0),
                                     Asked{.temperature = 0}.at(0)};
  for (int token : tokens(broken, rows)) {
    CHECK(token >= 0);
    CHECK(token < 3);
  }
}

TEST_CASE("the draw never takes a weight of zero, nor runs past the end") {
  const auto weights = mx::array({0.0f, 0.3f, 0.0f, 1e-7f, 0.0f}, {1, 5});
  for (float u : {0.0f, 0.5f, 1.0f - 0x1p-23f}) {
    auto index = draw(weights, {u});
    mx::eval(index);
    CHECK((index.item<int>() == 1 || index.item<int>() == 3));
  }
}
