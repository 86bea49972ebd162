// The kernels of sampling against float64, with the same results on every instruction set.
#include "kernels/cpu/sampling.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "doctest/doctest.h"

using namespace mlxd::kernels::cpu;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kSizes[] = {1, 2, 15, 16, 17, 63, 64, 1000, 1024, 1025, 5000, 49152};

std::vector<float> random_logits(int count, float scale, std::mt19937& random) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

/// Indices by falling logit.
std::vector<int> order_of(const std::vector<float>& logits) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
  return order;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  const double best = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  for (float logit : logits) p.push_back(std::exp((logit - best) / temperature));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& each : p) each /= sum;
  return p;
}

/// Leaves out (-inf) what the rules on the order of probability leave out; in float64, by sorting.
std::vector<float> reference(std::vector<float> logits, const DrawRules& rules) {
  const auto p = softmax(logits, 1);
  const auto order = order_of(logits);
  double before = 0;
  for (size_t place = 0; place < order.size(); ++place) {
    const int i = order[place];
    const bool out = (rules.top_k > 0 && static_cast<int>(place) >= rules.top_k) ||
                     (rules.top_p < 1 && place > 0 && before >= rules.top_p) ||
                     p[i] < rules.min_p * p[order[0]];
    before += p[i];
    if (out) logits[i] = -kInfinity;
  }
  return logits;
}

/// Whether `token` is where `uniform` falls in the distribution, but for rounding at its edges.
bool falls_on(const std::vector<float>& logits, const DrawRules& rules, int token) {
  const auto p = softmax(logits, rules.temperature);
  const double begin = std::accumulate(p.begin(), p.begin() + token, 0.0);
  const double slack = 2e-6;
  return p[token] > 0 && rules.uniform >= begin - slack &&
         rules.uniform <= begin + p[token] + slack;
}

}  // namespace

TEST_CASE("arg_max is the first of the largest, on every instruction set and among threads") {
  std::mt19937 random(1);
  ThreadPool pool(3);
  for (int count : kSizes) {
    auto x = random_logits(count, 3, random);
    for (float& value : x) value = std::round(value * 2);  // many are equal
    x[random() % count] = NAN;
    int expected = 0;
    float best = -kInfinity;
    for (int i = 0; i < count; ++i) {
      if (x[i] > best) best = x[expected = i];
    }
    for (Isa isa : supported_isas()) {
      CAPTURE(isa_name(isa));
      CAPTURE(count);
      CHECK(arg_max(x.data(), count, isa) == expected);
      CHECK(arg_max(x.data(), count, isa, pool) == expected);
    }
  }
  constexpr int kMany = 20000;  // more than one thread's part
  const std::vector<float> none(kMany, NAN), banned(kMany, -kInfinity);
  const std::vector<float> equal(kMany, 1);
  std::vector<float> late = none;
  late[kMany - 5] = -kInfinity;
  for (Isa isa : supported_isas()) {
    for (const auto& [x, expected] :
         {std::pair{&none, 0}, {&banned, 0}, {&equal, 0}, {&late, kMany - 5}}) {
      CHECK(arg_max(x->data(), kMany, isa) == expected);
      CHECK(arg_max(x->data(), kMany, isa, pool) == expected);
    }
  }
}

TEST_CASE("log_sum_exp is that of float64, with the same bits on every instruction set") {
  std::mt19937 random(2);
  for (int count : kSizes) {
    for (float scale : {0.0f, 1.0f, 30.0f, 1000.0f}) {
      auto x = random_logits(count, scale, random);
      if (count > 2) x[1] = -kInfinity;
      const double best = *std::max_element(x.begin(), x.end());
      double sum = 0;
      for (float value : x) sum += std::exp(value - best);
      const double first = log_sum_exp(x.data(), count, Isa::scalar);
      CHECK(first == doctest::Approx(best + std::log(sum)).epsilon(1e-6));
      for (Isa isa : supported_isas()) CHECK(log_sum_exp(x.data(), count, isa) == first);
    }
  }
}

TEST_CASE("the best are those of a sort, equal ones by their index") {
  std::mt19937 random(3);
  for (int count : kSizes) {
    auto x = random_logits(count, 3, random);
    for (float& value : x) value = std::round(value * 4);
    const auto order = order_of(x);
    for (int k : {1, 5, 20, count / 2 + 1, count}) {
      k = std::min(k, count);
      const auto best = best_of(x.data(), count, k);
      REQUIRE(static_cast<int>(best.size()) == k);
      for (int i = 0; i < k; ++i) REQUIRE(best[i].index == order[i]);
    }
  }
  const std::vector<float> broken{NAN, 1, -kInfinity, 2};
  CHECK(best_of(broken.data(), 4, 3).size() == 2);
}

TEST_CASE(
    "draws are those of float64, rule by rule, with the same token on every instruction set") {
  const DrawRules all[] = {{},
                           {.temperature = 0.3f},
                           {.temperature = 2},
                           {.top_k = 1},
                           {.top_k = 40},
                           {.top_k = 700},
                           {.top_p = 0},
                           {.top_p = 0.5f},
                           {.temperature = 1.3f, .top_p = 0.95f},
                           {.top_p = 0.9999f},
                           {.min_p = 0.05f},
                           {.min_p = 1},
                           {.temperature = 0.7f, .top_k = 50, .top_p = 0.9f, .min_p = 0.01f}};
  std::mt19937 random(4);
  std::uniform_int_distribution<int> bits(0, (1 << 23) - 1);
  for (int count : kSizes) {
    for (float scale : {0.2f, 2.0f, 6.0f}) {
      const auto logits = random_logits(count, scale, random);
      for (DrawRules rules : all) {
        const auto kept = reference(logits, rules);
        for (int draw = 0; draw < (count > 2000 ? 2 : 20); ++draw) {
          rules.uniform = draw == 0 ? 0 : static_cast<float>(bits(random)) * 0x1p-23f;
          const int token = draw_token(logits.data(), count, rules, best_isa());
          CAPTURE(count);
          CAPTURE(scale);
          CAPTURE(rules.top_p);
          CAPTURE(rules.uniform);
          REQUIRE(falls_on(kept, rules, token));
          if (draw > 2) continue;
          for (Isa isa : supported_isas()) {
            REQUIRE(draw_token(logits.data(), count, rules, isa) == token);
          }
        }
      }
    }
  }
}

TEST_CASE("banned tokens are never drawn, at no end of the random numbers") {
  std::vector<float> logits(100, -kInfinity);
  logits[40] = 1;
  logits[60] = -200;
  for (float uniform : {0.0f, 0.5f, 1 - 0x1p-23f}) {
    for (float top_p : {0.9f, 1.0f}) {
      CHECK(draw_token(logits.data(), 100, {.top_p = top_p, .uniform = uniform}, best_isa()) == 40);
    }
    CHECK(draw_token(logits.data(), 100, {.typical_p = 0.9f, .uniform = uniform}, best_isa()) ==
          40);
  }
}

TEST_CASE("logits that are all alike or broken give a token of the vocabulary") {
  const DrawRules rules{.top_k = 10, .top_p = 0.9f, .typical_p = 0.9f, .uniform = 0.5f};
  for (float value : {0.0f, 1e-45f, 3e38f, -3e38f, kInfinity, -kInfinity, NAN}) {
    const std::vector<float> logits(300, value);
    const int token = draw_token(logits.data(), 300, rules, best_isa());
    CHECK((token >= 0 && token < 300));
  }
}
