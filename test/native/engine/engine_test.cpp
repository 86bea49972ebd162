// What an engine promises to those who use it: answers, ends, limits. On a model without a
// checkpoint.
#include "engine/engine.h"

#include <atomic>
#include <future>

#include "engine/client.h"
#include "kernels/settings.h"

using namespace mlxd;
using namespace mlxd::testing;

TEST_CASE("loading reports progress, then the model") {
  Client client(Loader([](const Progress& progress) {
    for (double fraction : {0.0, 0.5, 0.5001, 1.0}) progress(fraction);
    return load_test_model({});
  }));
  client.until([&] { return client.loaded; });
  CHECK(client.progress == std::vector<int>{0, 500, 1000});
  const ModelInfo info = client.engine.info();
  CHECK(info.model_type == "counting");
  CHECK(info.context_length == kContext);
  CHECK(info.eos_tokens == std::vector<Token>{kVocab - 1});
  CHECK(info.mlx_version == mx::version());
  CHECK(client.engine.stats().state == EngineState::ready);
}

TEST_CASE("a request is answered until its length or a stop token, which is not reported") {
  Client client(Behaviour{});
  client.submit(1, 3, 5, 4);
  client.submit(2, 3, 5, 40, {10, 9});
  client.submit(3, 3, 5, 40, {6});
  client.submit(4, 3, 5, 1);
  CHECK(client.result(1).tokens == counting(5, 4));
  CHECK(client.result(1).finish == Finish::length);
  CHECK(client.result(2).tokens == counting(5, 3));
  CHECK(client.result(2).finish == Finish::stop);
  CHECK(client.result(3).tokens.empty());
  CHECK(client.result(3).finish == Finish::stop);
  CHECK(client.result(4).tokens == counting(5, 1));
}

TEST_CASE("many at once are all answered, each with its own tokens and one last event") {
  Client client(Behaviour{}, {.max_sequences = 5, .prefill_chunk = 4});
  for (RequestId id = 1; id <= 40; ++id) {
    client.submit(id, 1 + static_cast<int>(id * 7 % 30), static_cast<Token>(id % kVocab),
                  1 + static_cast<int>(id * 5 % 33));
  }
  int64_t generated = 0, prompted = 0;
  for (RequestId id = 1; id <= 40; ++id) {
    const Outcome& outcome = client.result(id);
    const int expected = 1 + static_cast<int>(id * 5 % 33);
    generated += expected;
    prompted += 1 + static_cast<int>(id * 7 % 30);
    CHECK(outcome.tokens == counting(static_cast<Token>(id % kVocab), expected));
    CHECK(outcome.finish == Finish::length);
  }
  client.engine.close();
  CHECK(client.engine.stats().generated_tokens == generated);
  CHECK(client.engine.stats().prompt_tokens == prompted);
  client.drain();
  for (const auto& [id, outcome] : client.outcomes) CHECK(outcome.last_events == (id == 0 ? 0 : 1));
}

TEST_CASE("the context limits prompt and completion") {
  Client client(Behaviour{});
  client.submit(1, kContext - 3, 5, 100);
  client.submit(2, kContext, 5, 1);
  CHECK(client.result(1).tokens.size() == 3);
  CHECK(client.result(1).finish == Finish::length);
  REQUIRE(client.result(2).failure);
  CHECK(client.result(2).failure->code == "context_length_exceeded");
}

TEST_CASE("the same seed gives the same tokens whatever else is in the batch") {
  const auto sampled = [](int others) {
    Client client(Behaviour{.peak = 1});
    for (int i = 0; i < others; ++i) client.submit(static_cast<RequestId>(10 + i), 3 + i, 5, 30);
    const SamplingParams sampling{1.0f, 0.95f, 0, 0.0f, 1234};
    REQUIRE(client.engine.submit({1, {1, 2, 3}, sampling, 20, {}}));
    return client.result(1).tokens;
  };
  const auto alone = sampled(0);
  CHECK(alone.size() == 20);
  CHECK(alone != counting(3, 20));
  CHECK(sampled(1) == alone);
  CHECK(sampled(7) == alone);
}

TEST_CASE("a failed load says why, and fails what waited for it") {
  Gate gate;
  Client client(Loader([&](const Progress&) -> LoadedModel {
    gate.pass();
    throw std::runtime_error("no such folder");
  }));
  client.submit(1, 1, 1, 1);
  gate.open();
  REQUIRE(client.result(0).failure);
  CHECK(client.result(0).failure->code == "model_load_failed");
  CHECK(client.result(0).failure->message == "no such folder");
  CHECK(client.result(1).failure->code == "model_load_failed");
  client.until([&] { return client.closed; });
  CHECK(client.engine.stats().state == EngineState::failed);
  CHECK(!client.engine.submit({2, {1}, {}, 1, {}}));
}

TEST_CASE("closing while it loads ends the load") {
  Gate gate;
  Client client(Loader([&](const Progress& progress) {
    gate.pass();
    progress(0.5);
    return load_test_model({});
  }));
  gate.await_arrival();
  client.engine.stop();
  gate.open();
  REQUIRE(client.result(0).failure);
  CHECK(client.result(0).failure->code == "engine_closed");
  client.engine.close();
  CHECK(client.engine.stats().state == EngineState::closed);
}

TEST_CASE("closing mid-generation cancels everything and comes to an end") {
  Gate gate;
  std::atomic<int> forwards{0};
  Client client(Behaviour{.on_forward = [&](const Step&) {
    if (++forwards == 4) gate.pass();
  }});
  client.submit(1, 3, 5, 50);
  client.submit(2, 3, 5, 50);
  gate.await_arrival();
  client.submit(3, 3, 5, 50);
  client.engine.stop();
  gate.open();
  auto other = std::async(std::launch::async, [&] { client.engine.close(); });
  client.engine.close();
  other.get();
  client.drain();
  for (RequestId id : {1, 2, 3}) CHECK(client.outcomes[id].finish == Finish::cancelled);
  CHECK(client.closed);
  CHECK(client.engine.stats().state == EngineState::closed);
  CHECK(!client.engine.submit({4, {1}, {}, 1, {}}));
  client.engine.cancel(1);
  client.engine.close();
}

TEST_CASE("an undrained outbox holds the engine back, and nothing is lost") {
  Client client(Behaviour{}, {.outbox_bound = 3});
  for (RequestId id = 1; id <= 4; ++id) client.submit(id, 1, 5, 60);
  for (RequestId id = 1; id <= 4; ++id) CHECK(client.result(id).tokens == counting(5, 60));
  CHECK(client.largest_drain <= 2 + 8);  // below the bound, then one step: 4 tokens and 4 ends
}

TEST_CASE("a closed engine with an undrained outbox ends all the same") {
  Client client(Behaviour{}, {.outbox_bound = 1});
  client.until([&] { return client.loaded; });
  client.submit(1, 1, 5, 60);
  client.engine.close();
  client.drain();
  CHECK(client.outcomes[1].ended());
}

TEST_CASE("the precision is set on the thread that loads, for that load only") {
  std::vector<kernels::Precision> seen;
  for (const char* name : {"fast", "balanced", "exact"}) {
    Client client(Loader([&](const Progress&) {
                    seen.push_back(kernels::precision());
                    return load_test_model({});
                  }),
                  {.precision = name});
    client.until([&] { return client.loaded; });
  }
  using enum kernels::Precision;
  CHECK(seen == std::vector{fast, balanced, exact});
  CHECK(kernels::precision() == exact);
  Client client(Behaviour{}, {.precision = "rough"});
  CHECK(client.result(0).failure->message.find("rough") != std::string::npos);
}

TEST_CASE("kernels are chosen on the thread that loads, and said with their precision") {
  const auto info_with = [](const char* name) {
    bool own = false;
    Client client(Loader([&](const Progress&) {
                    own = kernels::use_own_kernels();
                    return load_test_model({});
                  }),
                  {.kernels = name, .precision = "balanced"});
    client.until([&] { return client.loaded; });
    const ModelInfo info = client.engine.info();
    CHECK(own == (info.kernels != "mlx"));
    CHECK(info.precision == (own ? "balanced" : ""));
    return info;
  };
  CHECK(info_with("mlx").kernels == "mlx");
  CHECK(info_with("auto").kernels == kernels::kernels_in_use());
  Client client(Behaviour{}, {.kernels = "best"});
  CHECK(client.result(0).failure->message.find("best") != std::string::npos);
}

TEST_CASE("an unknown device is a failed load") {
  Client client(Behaviour{}, {.device = "tpu"});
  CHECK(client.result(0).failure->message.find("tpu") != std::string::npos);
  if (!mx::is_available(mx::Device::gpu)) {
    Client on_gpu(Behaviour{}, {.device = "gpu"});
    CHECK(on_gpu.result(0).failure->code == "model_load_failed");
  }
}
