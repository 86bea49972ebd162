// Every family against mlx-lm on tiny random checkpoints, however the tokens are cut into steps.
#include "golden.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

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
};

template <class Check>
void for_each_fixture(Check check) {
  const auto names = fixture_names();
  REQUIRE(names.size() >= 8);
  for (const std::string& name : names) {
    CAPTURE(name);
    const Fixture f{name, read_golden(name), load_model(fixture(name), nullptr)};
    check(f);
  }
}

bool near(const mx::array& logits, const mx::array& expected, const Golden& golden) {
  const float largest = mx::max(mx::abs(golden.logits)).item<float>();
  return max_difference(logits, expected) < kTolerance * largest;
}

std::vector<int> part(const std::vector<int>& tokens, int from, int to) {
  return {tokens.begin() + from, tokens.begin() + to};
}

// The same prompt in steps of `lengths` tokens (the last length repeats) gives the same logits and
// text.
void check_in_steps(const Fixture& f, std::vector<int> lengths) {
  Run run(*f.loaded.model);
  const int total = static_cast<int>(f.golden.prompt.size());
  mx::array last = f.golden.logits;
  for (int from = 0, i = 0; from < total; ++i) {
    const int length = std::min(lengths[std::min<size_t>(i, lengths.size() - 1)], total - from);
    last = run.feed(part(f.golden.prompt, from, from + length));
    REQUIRE(last.shape(0) == length);
    CHECK(near(last, rows(f.golden.logits, from, from + length), f.golden));
    from += length;
  }
  CHECK(run.greedy(last, static_cast<int>(f.golden.greedy.size())) == f.golden.greedy);
}

}  // namespace

TEST_CASE("a prompt in one step gives mlx-lm's logits and greedy tokens") {
  for_each_fixture([](const Fixture& f) { check_in_steps(f, {1 << 20}); });
}

TEST_CASE("a prompt in chunks gives the same") {
  for_each_fixture([](const Fixture& f) {
    check_in_steps(f, {7, 11, 3});
    check_in_steps(f, {15, 2});
  });
}

TEST_CASE("a prompt token by token gives the same") {
  for_each_fixture([](const Fixture& f) { check_in_steps(f, {1}); });
}

TEST_CASE("MLX's kernels give the same where they are asked for, and none of ours runs") {
  const auto operations_of = [](kernels::KernelChoice choice) {
    kernels::set_kernels(choice);
    const auto before = kernels::work_done().operations;
    for_each_fixture([](const Fixture& f) { check_in_steps(f, {7, 11, 3}); });
    kernels::set_kernels(kernels::KernelChoice::automatic);
    return kernels::work_done().operations - before;
  };
  CHECK(operations_of(kernels::KernelChoice::mlx) == 0);
  if (kernels::use_own_kernels()) CHECK(operations_of(kernels::KernelChoice::automatic) > 0);
}

TEST_CASE("two sequences of different length in each step do not disturb each other") {
  for_each_fixture([](const Fixture& f) {
    const Model& model = *f.loaded.model;
    const auto& prompt = f.golden.prompt;
    const int total = static_cast<int>(prompt.size());
    Run whole(model), late(model);
    late.feed(part(prompt, 0, 5));

    // `whole` prefills all while `late` goes on from token 5 to 9, in one ragged step.
    std::vector<int> tokens = prompt;
    tokens.insert(tokens.end(), prompt.begin() + 5, prompt.begin() + 9);
    const mx::array first = logits(model, tokens, {whole.segment(total), late.segment(4)});
    CHECK(near(rows(first, 0, total), f.golden.logits, f.golden));
    CHECK(near(rows(first, total, total + 4), rows(f.golden.logits, 5, 9), f.golden));

    // Now `late` prefills the rest while `whole` decodes a token.
    tokens = part(prompt, 9, total);
    tokens.push_back(f.golden.greedy[0]);
    const mx::array second = logits(model, tokens, {late.segment(total - 9), whole.segment(1)});
    CHECK(near(rows(second, 0, total - 9), rows(f.golden.logits, 9, total), f.golden));

    // Then both decode together, `whole` one token ahead.
    for (size_t i = 0; i + 1 < f.golden.greedy.size(); ++i) {
      const mx::array both = logits(model, {f.golden.greedy[i], f.golden.greedy[i + 1]},
                                    {late.segment(1), whole.segment(1)});
      CHECK(mx::argmax(rows(both, 0, 1)).item<int>() == f.golden.greedy[i + 1]);
      if (i + 2 < f.golden.greedy.size()) {
        CHECK(mx::argmax(rows(both, 1, 2)).item<int>() == f.golden.greedy[i + 2]);
      }
    }
  });
}

TEST_CASE("in the file's own dtype, as on a GPU, no leaf widens what flows through") {
  kernels::set_kernels(kernels::KernelChoice::mlx);
  for (const std::string name : {"llama-llama3-rope", "qwen3", "mistral-window"}) {
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
    const LoadedModel loaded =
        load_model(fixture(name), [&](double fraction) { fractions.push_back(fraction); });
    CHECK(std::ranges::is_sorted(fractions));
    CHECK(fractions.size() > 10);
    CHECK(fractions.back() == 1.0);
    CHECK(loaded.report.weight_bytes > 40'000);
    CHECK(loaded.report.memory_bytes > 40'000);
    CHECK(loaded.report.parameters > 60'000);
    CHECK(loaded.report.parameters < 120'000);
    CHECK(loaded.report.seconds > 0);
  }
}

}  // namespace mlxd::test
