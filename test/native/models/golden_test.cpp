// Every family against mlx-lm on tiny random checkpoints, however the tokens are cut into steps.
#include "golden.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "family_report.h"
#include "kernels/settings.h"
#include "kernels/work.h"
#include "loader/checkpoint.h"

namespace mlxd::test {

namespace {

// Of the largest logit. Both sides compute in float32, in different orders.
constexpr float kTolerance = 1e-5f;

struct Fixture {
  std::string name;
  Golden golden;
  LoadedModel loaded;

  int length() const { return static_cast<int>(golden.prompt.size()); }
};

template <class Check>
void for_each_fixture(Check check) {
  const auto names = fixture_names();
  REQUIRE(names.size() >= 8);
  for (const std::string& name : names) {
    CAPTURE(name);
    const Fixture f{name, read_golden(name), load_model(fixture(name), nullptr, adapter_of(name))};
    check(f);
  }
}

// Checks logits of the prompt's tokens from `from` on; returns the largest difference as a part of
// the largest logit.
float error_of(const Fixture& f, const mx::array& logits, int from) {
  const mx::array expected = rows(f.golden.logits, from, from + logits.shape(0));
  const float largest = mx::max(mx::abs(f.golden.logits)).item<float>();
  const float error = max_difference(logits, expected) / largest;
  CHECK(error < kTolerance);
  return error;
}

std::vector<int> part(const std::vector<int>& tokens, int from, int to) {
  return {tokens.begin() + from, tokens.begin() + to};
}

void check_greedy(const Fixture& f, Run& run, const mx::array& last) {
  CHECK(run.greedy(last, static_cast<int>(f.golden.greedy.size())) == f.golden.greedy);
}

// The prompt in steps of `lengths` tokens (the last length repeats), then the text.
float in_steps(const Fixture& f, std::vector<int> lengths) {
  Run run(*f.loaded.model);
  mx::array last = f.golden.logits;
  float error = 0;
  for (int from = 0, i = 0; from < f.length(); ++i) {
    const int length =
        std::min(lengths[std::min<size_t>(i, lengths.size() - 1)], f.length() - from);
    last = run.feed(part(f.golden.prompt, from, from + length));
    REQUIRE(last.shape(0) == length);
    error = std::max(error, error_of(f, last, from));
    from += length;
  }
  check_greedy(f, run, last);
  return error;
}

float in_one_step(const Fixture& f) { return in_steps(f, {1 << 20}); }
float token_by_token(const Fixture& f) { return in_steps(f, {1}); }
float in_chunks(const Fixture& f) {
  return std::max(in_steps(f, {7, 11, 3}), in_steps(f, {15, 2}));
}

// Two sequences of different length in each step.
float in_a_batch(const Fixture& f) {
  const Model& model = *f.loaded.model;
  const auto& [prompt, greedy, expected] = f.golden;
  const int total = f.length();
  Run whole(model), late(model);
  late.feed(part(prompt, 0, 5));

  // `whole` prefills all while `late` goes on from token 5 to 9.
  std::vector<int> tokens = prompt;
  tokens.insert(tokens.end(), prompt.begin() + 5, prompt.begin() + 9);
  const mx::array first = logits(model, tokens, {whole.segment(total), late.segment(4)});
  float error = std::max(error_of(f, rows(first, 0, total), 0),
                         error_of(f, rows(first, total, total + 4), 5));

  // Now `late` prefills the rest while `whole` decodes a token.
  tokens = part(prompt, 9, total);
  tokens.push_back(greedy[0]);
  const mx::array second = logits(model, tokens, {late.segment(total - 9), whole.segment(1)});
  error = std::max(error, error_of(f, rows(second, 0, total - 9), 9));

  // Then both decode together, `whole` one token ahead.
  for (size_t i = 0; i + 1 < greedy.size(); ++i) {
    const mx::array both =
        logits(model, {greedy[i], greedy[i + 1]}, {late.segment(1), whole.segment(1)});
    CHECK(mx::argmax(rows(both, 0, 1)).item<int>() == greedy[i + 1]);
    if (i + 2 < greedy.size()) {
      CHECK(mx::argmax(rows(both, 1, 2)).item<int>() == greedy[i + 2]);
    }
  }
  return error;
}

// What a sequence computed serves another that begins the same and goes on otherwise.
float after_a_prefix(const Fixture& f) {
  const int shared = 8;
  Run first(*f.loaded.model);
  first.feed(part(f.golden.prompt, 0, shared));
  Run second = first.prefix(shared);
  first.feed(part(f.golden.prompt, 0, 3));
  const mx::array rest = second.feed(part(f.golden.prompt, shared, f.length()));
  const float error = error_of(f, rest, shared);
  check_greedy(f, second, rest);
  return error;
}

}  // namespace

TEST_CASE("every family gives mlx-lm's logits and text, however its tokens come") {
  FamilyReport report;
  for_each_fixture([&](const Fixture& f) {
    report.add(f.name, f.loaded.config,
               {{"prefill", in_one_step(f)},
                {"chunks", in_chunks(f)},
                {"decode", token_by_token(f)},
                {"batch", in_a_batch(f)},
                {"prefix", after_a_prefix(f)}});
  });
  report.write("build/reports/families.json");
}

TEST_CASE("a token's logits have the same bits however its prompt was cut, and beside others") {
  if (!kernels::use_own_kernels()) return;
  for_each_fixture([](const Fixture& f) {
    const Model& model = *f.loaded.model;
    const auto& prompt = f.golden.prompt;
    const mx::array expected = Run(model).feed(prompt);
    const auto same = [&](const mx::array& logits, int from) {
      const mx::array those = rows(expected, from, from + logits.shape(0));
      CHECK(mx::array_equal(logits, those).item<bool>());
    };
    Run chunked(model), single(model), beside(model), other(model);
    same(chunked.feed(part(prompt, 0, 7)), 0);
    same(chunked.feed(part(prompt, 7, f.length())), 7);
    for (int i = 0; i < f.length(); ++i) same(single.feed(part(prompt, i, i + 1)), i);
    std::vector<int> both(prompt.rbegin(), prompt.rend());
    both.insert(both.end(), prompt.begin(), prompt.end());
    const mx::array together =
        logits(model, both, {other.segment(f.length()), beside.segment(f.length())});
    same(rows(together, f.length(), 2 * f.length()), 0);
  });
}

TEST_CASE("MLX's kernels give the same where they are asked for, and none of ours runs") {
  const auto operations_of = [](kernels::KernelChoice choice) {
    kernels::set_kernels(choice);
    const auto before = kernels::work_done().operations;
    for_each_fixture([](const Fixture& f) { in_steps(f, {7, 11, 3}); });
    kernels::set_kernels(kernels::KernelChoice::automatic);
    return kernels::work_done().operations - before;
  };
  CHECK(operations_of(kernels::KernelChoice::mlx) == 0);
  if (kernels::use_own_kernels()) CHECK(operations_of(kernels::KernelChoice::automatic) > 0);
}

TEST_CASE("in the file's own dtype, as on a GPU, no leaf widens what flows through") {
  kernels::set_kernels(kernels::KernelChoice::mlx);
  for (const std::string name : {"llama-llama3-rope", "qwen3", "mistral-window", "phi3-su-rope"}) {
    CAPTURE(name);
    const Golden golden = read_golden(name);
    nn::Checkpoint checkpoint = open_checkpoint(fixture(name), std::nullopt).checkpoint;
    checkpoint.compute_dtype.reset();
    const mx::Dtype stored = checkpoint.tensors.at("lm_head.weight").dtype();
    CHECK(stored != mx::float32);
    for (auto& [tensor_name, tensor] : checkpoint.tensors) {
      if (tensor.ndim() == 1) tensor = mx::astype(tensor, mx::float32);  // norms, as often stored
    }
    const auto model = make_model(load_config(fixture(name)), nn::Weights(std::move(checkpoint)));
    const mx::array logits = Run(*model).feed(golden.prompt);
    CHECK(logits.dtype() == stored);
    const float largest = mx::max(mx::abs(golden.logits)).item<float>();
    CHECK(max_difference(logits, golden.logits) < 0.05f * largest);
  }
  kernels::set_kernels(kernels::KernelChoice::automatic);
}

TEST_CASE("loading reports size, memory and progress") {
  for (const std::string& name : fixture_names()) {
    CAPTURE(name);
    std::vector<double> fractions;
    const LoadedModel loaded = load_model(
        fixture(name), [&](double fraction) { fractions.push_back(fraction); }, adapter_of(name));
    CHECK(std::ranges::is_sorted(fractions));
    CHECK(fractions.size() > 10);
    CHECK(fractions.back() == 1.0);
    CHECK(loaded.report.weight_bytes > 10'000);
    CHECK(loaded.report.memory_bytes > 10'000);
    CHECK(loaded.report.parameters > 15'000);
    CHECK(loaded.report.parameters < 200'000);
    CHECK(loaded.report.seconds > 0);
  }
}

}  // namespace mlxd::test
