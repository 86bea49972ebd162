// Attention of a step to pages: against double precision, and the same bits whatever else is in the
// step, however a prompt was cut and whatever shares its pages.
#include "kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "doctest/doctest.h"
#include "kernels/cpu/kv_integers.h"
#include "kernels/cpu/paged_sequence.h"

using namespace mlxd::kernels::cpu;

namespace {

constexpr KvType kTypes[] = {KvType::f32, KvType::f16, KvType::i8, KvType::i4};

Attention options_of(int heads, const KvFormat& format, int window = 0) {
  return {format, heads, window, 1 / std::sqrt(static_cast<float>(format.dim)), 0, nullptr};
}

}  // namespace

TEST_CASE("attention agrees with double precision: ragged steps, groups, windows, caps, sinks") {
  std::mt19937 random(21);
  ThreadPool pool(2);
  for (Isa isa : supported_isas()) {
    for (auto [heads, kv_heads, dim] : {std::tuple{9, 3, 64},
                                        {4, 4, 16},
                                        {8, 1, 80},
                                        {14, 2, 96},
                                        {2, 1, 128},
                                        {1, 1, 256},
                                        {3, 1, 24}}) {
      for (KvType type : kTypes) {
        const KvFormat format{kv_heads, dim, type};
        const int window = random() % 2 ? 1 + static_cast<int>(random() % 300) : 0;
        Attention options = options_of(heads, format, window);
        const std::vector<float> sinks = random_rows(heads, random);
        if (random() % 2) options.sinks = sinks.data();
        if (random() % 2) options.cap = 2;
        CAPTURE(isa_name(isa));
        CAPTURE(heads);
        CAPTURE(dim);
        CAPTURE(static_cast<int>(type));
        CAPTURE(window);
        CAPTURE(options.cap);
        CAPTURE(options.sinks);
        std::vector<PagedSequence> sequences;
        for (int length : {1, 15, 130, 600}) {
          sequences.emplace_back(heads, format, length, random);
        }
        const auto run = [&](std::vector<int> lengths) {
          return attend_step(options, sequences, lengths, isa, pool);
        };
        run({0, 14, 100, 512});
        for (const auto& lengths : {std::vector{0, 0, 1, 60}, {1, 1, 29, 28}}) {
          const auto outputs = run(lengths);
          double worst = 0;
          for (size_t s = 0; s < sequences.size(); ++s) {
            for (size_t i = 0; i < 40 && !outputs[s].empty(); ++i) {
              const auto at = static_cast<int>(random() % outputs[s].size());
              const int position = sequences[s].length - lengths[s] + at / (heads * dim);
              const double expected =
                  sequences[s].reference(options, position, at / dim % heads, at % dim);
              worst = std::max(worst, std::abs(outputs[s][at] - expected));
            }
          }
          CHECK(worst < (format.quantized() ? 2e-5 : 4e-6));
        }
      }
    }
  }
}

TEST_CASE(
    "attention has the same bits on every instruction set, scalar aside, and number of threads") {
  std::mt19937 random(22);
  for (KvType type : kTypes) {
    for (int window : {0, 200}) {
      const KvFormat format{2, 80, type};
      Attention options = options_of(10, format, window);
      options.cap = 5;
      const PagedSequence sequence(10, format, 530, random);
      const auto run = [&](Isa isa, int threads) {
        ThreadPool pool(threads);
        std::vector<PagedSequence> alone{sequence};
        auto all = attend_step(options, alone, {490}, isa, pool)[0];
        for (int length : {30, 1, 9}) {
          const auto rest = attend_step(options, alone, {length}, isa, pool)[0];
          all.insert(all.end(), rest.begin(), rest.end());
        }
        return all;
      };
      const auto fused = run(best_isa(), 1), scalar = run(Isa::scalar, 1);
      for (Isa isa : supported_isas()) {
        CAPTURE(isa_name(isa));
        const auto& expected = isa == Isa::scalar ? scalar : fused;
        for (int threads : {1, 2, 3, 4}) CHECK(run(isa, threads) == expected);
      }
    }
  }
}

TEST_CASE("attention has the same bits however prompts are cut, beside any neighbours") {
  std::mt19937 random(23);
  ThreadPool pool(2);
  for (auto [type, window] : {std::pair{KvType::f16, 0},
                              {KvType::f16, 1},
                              {KvType::f16, 100},
                              {KvType::f16, 300},
                              {KvType::i8, 0},
                              {KvType::i4, 100}}) {
    const KvFormat format{2, 64, type};
    CAPTURE(static_cast<int>(type));
    CAPTURE(window);
    const Attention options = options_of(6, format, window);
    const PagedSequence sequence(6, format, 700, random);
    std::vector<PagedSequence> whole{sequence};
    const auto expected = attend_step(options, whole, {700}, best_isa(), pool)[0];
    for (int chunk : {1, 5, 16, 37, 128, 699}) {
      CAPTURE(chunk);
      std::vector<PagedSequence> step{PagedSequence(6, format, 900, random), sequence,
                                      PagedSequence(6, format, 700, random)};
      std::vector<float> parts;
      for (int first = 0; first < 700; first += chunk) {
        const int length = std::min(chunk, 700 - first);
        const int before = static_cast<int>(random() % 2), after = first == 0 ? 40 : 0;
        const auto part = attend_step(options, step, {before, length, after}, best_isa(), pool)[1];
        parts.insert(parts.end(), part.begin(), part.end());
      }
      REQUIRE(parts == expected);
    }
  }
}

TEST_CASE("a sequence that goes on from pages of another has the bits of one that is alone") {
  std::mt19937 random(29);
  ThreadPool pool(2);
  for (auto [type, shared] :
       {std::pair{KvType::f16, 128}, {KvType::f16, 200}, {KvType::f16, 256}, {KvType::i4, 200}}) {
    const KvFormat format{1, 32, type};
    const Attention options = options_of(3, format);
    CAPTURE(shared);
    std::vector<PagedSequence> source{PagedSequence(3, format, 400, random)};
    attend_step(options, source, {300}, best_isa(), pool);
    PagedSequence alone(3, format, 400, random);
    const size_t rows = size_t(shared) * 32;  // of the same beginning
    std::copy_n(source[0].k.begin(), rows, alone.k.begin());
    std::copy_n(source[0].v.begin(), rows, alone.v.begin());
    std::vector<PagedSequence> heir{alone}, fresh{alone};
    heir[0].take_prefix(source[0], shared);
    attend_step(options, fresh, {shared}, best_isa(), pool);
    CHECK(attend_step(options, heir, {90}, best_isa(), pool)[0] ==
          attend_step(options, fresh, {90}, best_isa(), pool)[0]);
    std::vector<PagedSequence> undisturbed{source[0]};  // the other goes on too
    undisturbed[0].table = std::make_shared<KvTable>();
    undisturbed[0].length = 0;
    attend_step(options, undisturbed, {300}, best_isa(), pool);
    CHECK(attend_step(options, source, {100}, best_isa(), pool)[0] ==
          attend_step(options, undisturbed, {100}, best_isa(), pool)[0]);
  }
}

TEST_CASE("integers change attention by as much as they should, and take as little as they say") {
  std::mt19937 random(26);
  ThreadPool pool(2);
  const PagedSequence sequence(6, {2, 64, KvType::f32}, 300, random);
  const auto run = [&](KvType type) {
    const KvFormat format{2, 64, type};
    std::vector<PagedSequence> alone{sequence};
    alone[0].format = format;
    alone[0].table = std::make_shared<KvTable>();
    return attend_step(options_of(6, format), alone, {300}, best_isa(), pool)[0];
  };
  const auto exact = run(KvType::f32);
  const auto error = [&](KvType type) {
    const auto out = run(type);
    double difference = 0, total = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      difference += std::pow(double(out[i]) - exact[i], 2);
      total += std::pow(double(exact[i]), 2);
    }
    return std::sqrt(difference / total);
  };
  CHECK(error(KvType::i8) < 0.01);
  CHECK(error(KvType::i4) < 0.15);
  CHECK(error(KvType::i4) > error(KvType::i8));
  // 64 columns of a key and a value: 4 bytes a group of 32, and a value's 4.
  CHECK(KvFormat{2, 64, KvType::i8}.page_bytes() == size_t(2) * 128 * (64 + 2 * 4 + 64 + 4));
  CHECK(KvFormat{2, 64, KvType::i4}.page_bytes() == size_t(2) * 128 * (32 + 2 * 4 + 32 + 4));
  CHECK(KvFormat{2, 64, KvType::f16}.page_bytes() == size_t(2) * 128 * 256);
}

TEST_CASE("integers of a group: ends, one value, huge ones and not-a-number") {
  const NarrowRow narrow = kernel_table(best_isa()).narrow_row;
  uint8_t q[5];
  const float even[] = {-2, -1, 0, 0.5f, 3};  // 15 levels of a third
  IntegerGroup group = to_integers(even, 5, 15, narrow, q);
  CHECK(group.bias == 0xc000);
  CHECK(group.scale == 0x3555);
  CHECK(std::vector<int>(q, q + 5) == std::vector<int>{0, 3, 6, 8, 15});
  const float alike[] = {7, 7, 7, 7, 7};
  group = to_integers(alike, 5, 255, narrow, q);
  CHECK(group.scale == 0);
  CHECK(group.bias == 0x4700);
  CHECK(std::vector<int>(q, q + 5) == std::vector<int>(5, 0));
  const float huge[] = {-INFINITY, 1e9f, 0, 1, -1e9f};
  group = to_integers(huge, 5, 255, narrow, q);
  CHECK(group.bias == 0xfbff);
  CHECK(q[1] == 255);
  CHECK(q[0] == 0);
  const float spoiled[] = {1, NAN, 2, 3, 4};
  group = to_integers(spoiled, 5, 255, narrow, q);
  CHECK((group.scale & 0x7fff) > 0x7c00);
  CHECK((group.bias & 0x7fff) > 0x7c00);
}

TEST_CASE("large scores do not overflow, and not-a-number stays in its row and head") {
  std::mt19937 random(24);
  ThreadPool pool(2);
  const KvFormat format{2, 32, KvType::f16};
  const Attention options = options_of(4, format);
  PagedSequence sequence(4, format, 20, random);
  for (auto& value : sequence.q) value *= 1e4f;
  const auto run = [&] {
    std::vector<PagedSequence> alone{sequence};
    return attend_step(options, alone, {20}, best_isa(), pool)[0];
  };
  const auto before = run();
  CHECK(std::ranges::all_of(before, [](float value) { return std::isfinite(value); }));
  sequence.q[(7 * 4 + 1) * 32 + 5] = NAN;  // position 7, head 1
  const auto after = run();
  for (size_t i = 0; i < after.size(); ++i) {
    const bool spoiled = i / 32 == 7 * 4 + 1;
    REQUIRE((spoiled ? std::isnan(after[i]) : after[i] == before[i]));
  }
}

TEST_CASE("keys and values beyond float16 count as its largest number, not-a-number as itself") {
  std::mt19937 random(25);
  ThreadPool pool(1);
  const KvFormat format{1, 16, KvType::f16};
  for (Isa isa : supported_isas()) {
    CAPTURE(isa_name(isa));
    PagedSequence sequence(1, format, 2, random);
    std::fill_n(sequence.q.begin() + 16, 16, 0.0f);  // the second query weighs both alike
    for (float huge : {1e6f, -1e30f, INFINITY}) {
      sequence.v[0] = huge;
      sequence.v[16] = 0;
      std::vector<PagedSequence> alone{sequence};
      const auto out = attend_step(options_of(1, format), alone, {2}, isa, pool)[0];
      CHECK(out[0] == std::copysign(65504.0f, huge));
      CHECK(out[16] == std::copysign(32752.0f, huge));
    }
    sequence.v[0] = NAN;
    std::vector<PagedSequence> alone{sequence};
    CHECK(std::isnan(attend_step(options_of(1, format), alone, {2}, isa, pool)[0][0]));
  }
}

TEST_CASE("rotation agrees with its definition, position by position") {
  std::mt19937 random(25);
  const int dim = 32, width = 40;
  std::vector<float> frequencies;
  for (int i = 0; i < dim / 2; ++i) frequencies.push_back(std::pow(1e4f, -2.0f * i / dim));
  for (bool traditional : {false, true}) {
    CAPTURE(traditional);
    Rope rope(frequencies, traditional);
    for (int position : {0, 1, 63, 64, 1000, 999}) {
      const auto x = random_rows(width, random);
      std::vector<float> out(width);
      rope.reach(position + 1);
      rope.rotate(x.data(), width, position, out.data());
      CHECK(std::equal(x.begin() + dim, x.end(), out.begin() + dim));
      for (int i = 0; i < dim / 2; ++i) {
        const double angle = double(position) * frequencies[i];
        const int a = traditional ? 2 * i : i, b = traditional ? 2 * i + 1 : i + 16;
        CHECK(std::abs(out[a] - (x[a] * std::cos(angle) - x[b] * std::sin(angle))) < 1e-6);
        CHECK(std::abs(out[b] - (x[a] * std::sin(angle) + x[b] * std::cos(angle))) < 1e-6);
      }
    }
  }
}
