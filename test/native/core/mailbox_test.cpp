// The mailbox between threads: order, bound, wake-ups, stop.
#include "engine/core/mailbox.h"

#include <atomic>
#include <future>
#include <thread>

#include "doctest/doctest.h"

using namespace mlxd;
using namespace std::chrono_literals;

namespace {

constexpr auto kForever = std::chrono::milliseconds(60'000);

EventBatch tokens(RequestId id, int count) {
  EventBatch batch;
  for (int i = 0; i < count; ++i) batch.add(id, EventKind::token, i);
  return batch;
}

}  // namespace

TEST_CASE("events keep their order, and failures stay with their events") {
  Mailbox mailbox(100, [] {});
  for (RequestId id = 1; id <= 3; ++id) {
    EventBatch batch = tokens(id, 2);
    batch.add_failure(id, EventKind::failed, {"code", "of " + std::to_string(id)});
    mailbox.publish(std::move(batch));
  }
  const EventBatch all = mailbox.drain();
  REQUIRE(all.size() == 9);
  for (size_t i = 0; i < all.size(); ++i) {
    const RequestId id = static_cast<RequestId>(i / 3 + 1);
    CHECK(all.ids[i] == id);
    if (i % 3 < 2) {
      CHECK(all.values[i] == static_cast<int>(i % 3));
    } else {
      CHECK(all.failures[all.values[i]].message == "of " + std::to_string(id));
    }
  }
  CHECK(mailbox.drain().empty());
}

TEST_CASE("scores stay in the order of their tokens") {
  Mailbox mailbox(100, [] {});
  for (RequestId id = 1; id <= 2; ++id) {
    EventBatch batch;
    batch.add_sampled(id, {7, {}});
    const float logprob = -static_cast<float>(id);
    batch.add_sampled(id, {8, {{8, logprob}, {9, logprob / 2}}});
    mailbox.publish(std::move(batch));
  }
  const EventBatch all = mailbox.drain();
  CHECK(all.values == std::vector<int32_t>{7, 2, 7, 2});
  REQUIRE(all.scores.size() == 4);
  CHECK(all.scores[0].token == 8);
  CHECK(all.scores[2].logprob == -2);
  CHECK(all.scores[3].logprob == -1);
}

TEST_CASE("wake comes once for each time the outbox stops being empty") {
  int wakes = 0;
  Mailbox mailbox(100, [&] { ++wakes; });
  mailbox.publish({});
  CHECK(wakes == 0);
  mailbox.publish(tokens(1, 1));
  mailbox.publish(tokens(1, 1));
  CHECK(wakes == 1);
  mailbox.drain();
  mailbox.publish(tokens(1, 1));
  CHECK(wakes == 2);
}

TEST_CASE("publish waits above the bound until the outbox is drained") {
  Mailbox mailbox(4, [] {});
  std::atomic<int> published{0};
  auto producer = std::async(std::launch::async, [&] {
    for (int i = 0; i < 1000; ++i) {
      mailbox.publish(tokens(1, 2));
      ++published;
    }
  });
  size_t seen = 0;
  while (seen < 2000) {
    const size_t drained = mailbox.drain().size();
    CHECK(drained <= 5);  // below the bound of 4, then one batch of 2
    seen += drained;
  }
  producer.get();
  CHECK(published == 1000);
}

TEST_CASE("take waits for a command and returns all there are") {
  Mailbox mailbox(1, [] {});
  auto taken = std::async(std::launch::async, [&] { return mailbox.take(kForever); });
  REQUIRE(mailbox.post(Cancel{5}));
  CHECK(std::get<Cancel>(taken.get().at(0)).id == 5);
  mailbox.post(Cancel{6});
  mailbox.post(Request{7, {1}, {}, 1, {}});
  const auto both = mailbox.take(0ms);
  REQUIRE(both.size() == 2);
  CHECK(std::get<Request>(both[1]).id == 7);
  CHECK(mailbox.take(0ms).empty());
}

TEST_CASE("stop ends both waits, refuses commands and keeps those that came before") {
  Mailbox mailbox(1, [] {});
  auto taker = std::async(std::launch::async, [&] { return mailbox.take(kForever); });
  mailbox.stop();
  CHECK(taker.get().empty());

  Mailbox full(1, [] {});
  full.publish(tokens(1, 1));
  full.post(Cancel{9});
  auto publisher = std::async(std::launch::async, [&] { full.publish(tokens(1, 1)); });
  full.stop();
  publisher.get();
  CHECK(full.drain().size() == 2);
  CHECK(full.take(kForever).size() == 1);
  CHECK(!full.post(Cancel{1}));
  CHECK(full.stopping());
}
