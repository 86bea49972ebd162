// The engine under a memory limit: who waits, who gives way, who is refused; and what a failed
// allocation costs. On a model without a checkpoint, whose positions take a megabyte each.
#include "engine/memory.h"

#include <atomic>
#include <fstream>
#include <memory>
#include <new>

#include "cache/paged_cache.h"
#include "engine/client.h"

using namespace mlxd;
using namespace mlxd::testing;

namespace {

constexpr int kMegabyte = 1 << 20;

/// Room for so many positions beside what is held already.
EngineOptions with_room(int positions, size_t prefix_cache = 0) {
  const size_t room = static_cast<size_t>(positions) * kMegabyte + kMegabyte / 2;
  return {.memory_limit = held_memory() + room, .prefix_cache = prefix_cache};
}

}  // namespace

TEST_CASE("a prompt that never fits is refused at once, and says why") {
  Client client(Behaviour{.token_bytes = kMegabyte}, with_room(30));
  client.submit(1, 40, 5, 1);
  REQUIRE(client.result(1).failure);
  CHECK(client.result(1).failure->code == "context_length_exceeded");
  CHECK(client.result(1).failure->message.find("40 tokens, and the memory limit") !=
        std::string::npos);
  client.submit(2, kContext + 1, 5, 1);
  CHECK(client.result(2).failure->code == "context_length_exceeded");
  client.submit(3, 10, 5, 4);
  CHECK(client.result(3).tokens == counting(5, 4));
}

TEST_CASE("a completion ends where memory would") {
  Client client(Behaviour{.token_bytes = kMegabyte}, with_room(30));
  client.submit(1, 20, 5, 40);
  const Outcome& outcome = client.result(1);
  CHECK(outcome.finish == Finish::length);
  CHECK(outcome.tokens.size() >= 8);
  CHECK(outcome.tokens.size() <= 10);
}

TEST_CASE("more than fit together take turns, and their tokens are the same") {
  std::atomic<int> computed{0};
  std::atomic<size_t> most{0};
  const size_t before = held_memory();
  const EngineOptions options = with_room(80);
  Client client(Behaviour{.on_forward =
                              [&](const Step& step) {
                                computed += step.tokens.shape(0);
                                most = std::max<size_t>(most, held_memory());
                              },
                          .token_bytes = kMegabyte},
                options);
  for (RequestId id = 1; id <= 6; ++id) client.submit(id, 20, static_cast<Token>(id), 30);
  for (RequestId id = 1; id <= 6; ++id) {
    CHECK(client.result(id).tokens == counting(static_cast<Token>(id), 30));
    CHECK(client.result(id).finish == Finish::length);
  }
  CHECK(computed > 6 * (20 + 29));  // some were preempted, and computed again
  CHECK(most <= options.memory_limit);
  client.engine.close();
  CHECK(held_memory() <= before + kMegabyte);
}

TEST_CASE("prefixes give way to those who run") {
  Client client(Behaviour{.token_bytes = kMegabyte}, with_room(60, size_t{60} * kMegabyte));
  client.submit(1, 30, 5, 2);
  client.result(1);
  client.submit(2, 30, 5, 2);
  CHECK(client.result(2).reused == 29);
  REQUIRE(client.engine.submit({3, std::vector<Token>(45, 9), {.temperature = 0}, 2, {}}));
  CHECK(client.result(3).tokens == counting(9, 2));
  client.submit(4, 30, 5, 2);
  CHECK(client.result(4).tokens == counting(5, 2));
  client.engine.close();
  CHECK(client.engine.stats().prefixes.evictions > 0);
}

TEST_CASE("an allocation that fails is tried again, without what could be given back") {
  std::atomic<bool> fails{true};
  Client client(Behaviour{.on_forward =
                              [&](const Step& step) {
                                if (step.segments.front().offset == 12 && fails.exchange(false)) {
                                  throw std::bad_alloc();
                                }
                              }},
                {.prefix_cache = 1 << 20});
  client.submit(1, 10, 5, 8);
  CHECK(client.result(1).tokens == counting(5, 8));
  CHECK(!fails);
  client.engine.close();
  CHECK(client.engine.stats().failures == 1);
}

TEST_CASE("who runs out of memory again and again fails alone") {
  Client client(Behaviour{.on_forward = [](const Step& step) {
    for (const Segment& segment : step.segments) {
      if (segment.offset >= 30) throw std::runtime_error("[malloc] Unable to allocate 42 bytes.");
    }
  }});
  client.submit(1, 10, 5, 15);
  client.submit(2, 25, 7, 30);
  client.submit(3, 10, 9, 15);
  REQUIRE(client.result(2).failure);
  CHECK(client.result(2).failure->code == "insufficient_memory");
  CHECK(client.result(2).failure->message.find("malloc") == std::string::npos);
  CHECK(client.result(1).tokens == counting(5, 15));
  CHECK(client.result(3).tokens == counting(9, 15));
  CHECK(client.engine.stats().state == EngineState::ready);
}

TEST_CASE("weights beyond the limit are a failed load") {
  Client client(Behaviour{}, {.memory_limit = 1});
  const mx::array held = mx::zeros({kMegabyte});
  REQUIRE(client.result(0).failure);
  CHECK(client.result(0).failure->code == "model_load_failed");
  CHECK(client.result(0).failure->message.find("memory limit") != std::string::npos);
}

#if defined(__linux__)
namespace {

size_t resident_bytes() {
  size_t total = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> total >> pages;
  return pages * 4096;
}

/// Has layers that keep 20 MiB for 640 positions.
class PagedModel final : public TestModel {
 public:
  PagedModel() : TestModel(Behaviour{}) {}

  SequenceCache make_cache() const override {
    SequenceCache cache;
    for (int i = 0; i < 8; ++i) {
      cache.layers.push_back(
          std::make_unique<PagedCache>(kernels::KvFormat{8, 128, kernels::cpu::KvType::f16}));
    }
    return cache;
  }
};

}  // namespace

TEST_CASE("after a rest the memory that a prompt is written to is there already") {
  const PagedModel model;
  Memory memory(model, 4096, {.total = held_memory() + 64 * kMegabyte});
  memory.rest();
  const size_t held = held_memory(), before = resident_bytes();
  SequenceCache cache = model.make_cache();
  cache.prepare(640);
  CHECK(held_memory() == held + 20 * kMegabyte);
  CHECK(resident_bytes() < before + kMegabyte);
  SequenceCache another = model.make_cache();
  another.prepare(640);
  CHECK(resident_bytes() > before + 19 * kMegabyte);
}

TEST_CASE("where the limit leaves no room nothing is made ready") {
  const PagedModel model;
  Memory memory(model, 4096, {.total = held_memory() + 8 * kMegabyte});
  release_free_memory();
  const size_t before = resident_bytes();
  memory.rest();
  CHECK(resident_bytes() < before + kMegabyte);
}
#endif

// Where the allocator is glibc's, and not a sanitizer's in its place.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("what nobody holds goes back to the system, from among what is held too") {
  constexpr size_t kBytes = 50'000;  // of the allocator's heaps: more would be the system's own
  std::vector<std::unique_ptr<char[]>> held;
  for (int i = 0; i < 2000; ++i) held.push_back(std::make_unique<char[]>(kBytes));
  for (size_t i = 0; i < held.size(); ++i) {
    if (i % 50 != 0) held[i].reset();
  }
  const size_t before = resident_bytes();
  release_free_memory();
  CHECK(resident_bytes() + 1500 * kBytes < before);
}
#endif
