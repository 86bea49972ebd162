// Microseconds of sampling one row of a vocabulary, rule by rule, and of 32 rows on all threads.
// Logits are normal with the spread that trained models show. Usage: sampling_bench [vocabulary]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "kernels/cpu/cores.h"
#include "kernels/cpu/sampling.h"
#include "kernels/cpu/thread_pool.h"

using namespace mlxd::kernels::cpu;

namespace {

constexpr int kRows = 32;

double microseconds(auto&& work) {
  std::vector<double> times;
  for (int round = 0; round < 101; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::micro> taken =
        std::chrono::steady_clock::now() - start;
    times.push_back(taken.count());
  }
  std::nth_element(times.begin(), times.begin() + 50, times.end());
  return times[50];
}

}  // namespace

int main(int argc, char** argv) {
  const int vocab = argc > 1 ? std::atoi(argv[1]) : 49152;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(size_t(kRows) * vocab);
  for (float& logit : logits) logit = normal(random);
  ThreadPool pool(physical_cores());
  volatile int sink = 0;
  const auto print = [&](const char* name, const auto& sample) {
    const double one = microseconds([&] { sink = sample(logits.data()); });
    const double all = microseconds(
        [&] { pool.run(kRows, [&](int row) { sink = sample(&logits[size_t(row) * vocab]); }); });
    std::printf("%-24s %8.1f %8.1f\n", name, one, all);
  };
  std::printf("%-24s %8s %8s   us, vocabulary %d, %s, %d threads\n", "", "1 row", "32 rows", vocab,
              isa_name(best_isa()), pool.threads());
  const auto draw = [&](DrawRules rules) {
    rules.uniform = 0.37f;
    return [=](const float* row) { return draw_token(row, vocab, rules, best_isa()); };
  };
  print("greedy", [&](const float* row) { return arg_max(row, vocab, best_isa()); });
  print("temperature", draw({}));
  print("top_k 40", draw({.top_k = 40}));
  print("top_p 0.9", draw({.top_p = 0.9f}));
  print("top_p 0.99", draw({.top_p = 0.99f}));
  print("min_p 0.05", draw({.min_p = 0.05f}));
  print("top_k 40, top_p 0.9", draw({.top_k = 40, .top_p = 0.9f}));
  print("typical_p 0.9", draw({.typical_p = 0.9f}));
  print("XTC 0.1", draw({.xtc_threshold = 0.1f}));
  print("log_sum_exp, 20 best", [&](const float* row) {
    return best_of(row, vocab, 20)[0].index + (log_sum_exp(row, vocab, best_isa()) > 0);
  });
}
