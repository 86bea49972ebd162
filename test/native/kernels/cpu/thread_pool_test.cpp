// The thread pool: every chunk once, whatever else goes on; nothing waits for a thread that is not
// there.
#include "kernels/cpu/thread_pool.h"

#include <array>
#include <numeric>

#include "doctest/doctest.h"
#include "kernels/cpu/cores.h"

using namespace mlxd::kernels::cpu;

namespace {

// Runs a loop that counts its chunks, plain memory on purpose: the pool must order it before the
// return.
bool each_chunk_once(ThreadPool& pool, int count) {
  std::vector<int> calls(count);
  pool.run(count, [&](int chunk) { ++calls[chunk]; });
  return calls == std::vector<int>(count, 1);
}

}  // namespace

TEST_CASE("every chunk is computed once") {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (int round = 0; round < 50; ++round) {
      for (int count : {0, 1, 2, 7, 64}) REQUIRE(each_chunk_once(pool, count));
    }
  }
}

TEST_CASE("one chunk can wait for another, so both threads do compute") {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  pool.run(2, [&](int) {
    arrived.fetch_add(1);
    arrived.notify_all();
    for (int seen = arrived.load(); seen < 2; seen = arrived.load()) arrived.wait(seen);
  });
  CHECK(arrived == 2);
}

TEST_CASE("several threads may use one pool at once") {
  ThreadPool pool(3);
  std::array<bool, 4> good{};
  std::vector<std::thread> callers;
  for (size_t i = 0; i < good.size(); ++i) {
    callers.emplace_back([&, i] {
      good[i] = true;
      for (int round = 0; round < 200; ++round) good[i] = good[i] && each_chunk_once(pool, 9);
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(good == std::array<bool, 4>{true, true, true, true});
}

TEST_CASE("a pool can change its size while it is used") {
  ThreadPool pool(2);
  std::atomic<bool> done{false};
  std::thread caller([&] {
    for (int round = 0; round < 300; ++round) REQUIRE(each_chunk_once(pool, 16));
    done = true;
  });
  for (int threads = 1; !done; threads = threads % 4 + 1) pool.resize(threads);
  caller.join();
  pool.resize(0);
  CHECK(pool.threads() == 1);
  CHECK(each_chunk_once(pool, 5));
}

TEST_CASE("the shared pool has a thread for each core this process may use") {
  CHECK(physical_cores() >= 1);
  CHECK(physical_cores() <= static_cast<int>(std::thread::hardware_concurrency()));
  CHECK(&ThreadPool::shared() == &ThreadPool::shared());
  CHECK(ThreadPool::shared().threads() == physical_cores());
}
