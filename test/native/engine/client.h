// What the addon is to an engine, for its tests: sorts drained events by request, and waits for
// them.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "doctest/doctest.h"
#include "engine/engine.h"
#include "engine/test_model.h"

namespace mlxd::testing {

/// Blocks the engine thread at a place of the test's choosing until it is opened.
class Gate {
 public:
  /// Called by the engine thread: says that it is here, and waits.
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrivals_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void await_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrivals_ > 0; });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrivals_ = 0;
  bool open_ = false;
};

struct Outcome {
  std::vector<Token> tokens;
  std::vector<std::vector<ScoredToken>> scores;         // of the tokens, where asked
  std::vector<std::vector<ScoredToken>> prompt_scores;  // of the prompt after its first token
  std::optional<Finish> finish;
  std::optional<Failure> failure;
  int reused = 0;  // of the prompt
  int last_events = 0;

  bool ended() const { return last_events > 0; }
};

class Client {
 public:
  explicit Client(Behaviour behaviour, EngineOptions options = {})
      : Client(Loader([behaviour](const Progress&) { return load_test_model(behaviour); }),
               options) {}

  /// Tests of steps count them, so prefixes are kept only for those that ask.
  explicit Client(Loader loader, EngineOptions options = {})
      : engine(without_prefixes(std::move(options)), std::move(loader), [this] { wake(); }) {}

  /// Asks for `max_tokens` tokens after a prompt of `length` numbers that ends in `last`.
  void submit(RequestId id, int length, Token last, int max_tokens, std::vector<Token> stops = {}) {
    std::vector<Token> prompt(static_cast<size_t>(length), 1);
    prompt.back() = last;
    REQUIRE(engine.submit({id, prompt, {.temperature = 0}, max_tokens, std::move(stops)}));
  }

  /// Drains until `done` holds.
  void until(const std::function<bool()>& done) {
    for (;;) {
      drain();
      if (done()) return;
      std::unique_lock lock(mutex_);
      woken_.wait(lock, [this] { return wakes_ > 0; });
      wakes_ = 0;
    }
  }

  const Outcome& result(RequestId id) {
    until([&] { return outcomes[id].ended(); });
    return outcomes[id];
  }

  void drain() {
    const EventBatch events = engine.drain();
    largest_drain = std::max(largest_drain, events.size());
    scores_read_ = 0;
    for (size_t i = 0; i < events.size(); ++i) take(events, i);
  }

  std::map<RequestId, Outcome> outcomes;  // of id 0: the load
  std::vector<int> progress;
  bool loaded = false;
  bool closed = false;
  size_t largest_drain = 0;

 private:
  static EngineOptions without_prefixes(EngineOptions options) {
    options.prefix_cache = options.prefix_cache.value_or(0);
    return options;
  }

  void wake() {
    std::lock_guard lock(mutex_);
    ++wakes_;
    woken_.notify_one();
  }

  void take(const EventBatch& events, size_t i) {
    Outcome& outcome = outcomes[events.ids[i]];
    switch (static_cast<EventKind>(events.kinds[i])) {
      case EventKind::token:
        CHECK(!outcome.ended());
        outcome.tokens.push_back(events.values[i]);
        break;
      case EventKind::scored_token: {
        CHECK(!outcome.ended());
        const auto first = events.scores.begin() + static_cast<ptrdiff_t>(scores_read_);
        outcome.scores.emplace_back(first, first + events.values[i]);
        outcome.tokens.push_back(first->token);
        scores_read_ += static_cast<size_t>(events.values[i]);
        break;
      }
      case EventKind::scored_prompt: {
        CHECK(outcome.tokens.empty());
        const auto first = events.scores.begin() + static_cast<ptrdiff_t>(scores_read_);
        outcome.prompt_scores.emplace_back(first, first + events.values[i]);
        scores_read_ += static_cast<size_t>(events.values[i]);
        break;
      }
      case EventKind::reused:
        CHECK(outcome.tokens.empty());
        outcome.reused = events.values[i];
        break;
      case EventKind::finished:
        outcome.finish = static_cast<Finish>(events.values[i]);
        ++outcome.last_events;
        break;
      case EventKind::failed:
      case EventKind::load_failed:
        outcome.failure = events.failures[static_cast<size_t>(events.values[i])];
        ++outcome.last_events;
        break;
      case EventKind::progress:
        progress.push_back(events.values[i]);
        break;
      case EventKind::loaded:
        loaded = true;
        break;
      case EventKind::closed:
        closed = true;
        break;
    }
  }

  size_t scores_read_ = 0;  // of the batch being drained
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;

 public:
  Engine engine;  // last: its thread uses the members above
};

/// The tokens that follow `last`.
inline std::vector<Token> counting(Token last, int count) {
  std::vector<Token> tokens;
  for (int i = 1; i <= count; ++i) tokens.push_back((last + i) % kVocab);
  return tokens;
}

}  // namespace mlxd::testing
