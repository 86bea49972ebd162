// The one place where the engine thread meets the others: commands go in, events come out, both
// under one lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <variant>
#include <vector>

#include "engine/core/types.h"

namespace mlxd {

struct Cancel {
  RequestId id;
};
using Command = std::variant<Request, Cancel>;

class Mailbox {
 public:
  /// `wake` is called on the engine thread, without the lock, each time the outbox stops being
  /// empty.
  Mailbox(size_t outbox_bound, std::function<void()> wake);

  // Any thread.

  /// Queues a command; false once stopped, when nobody would answer it.
  bool post(Command command);
  /// No more commands; `take` and `publish` no longer wait.
  void stop();
  bool stopping() const;
  /// All events since the last drain.
  EventBatch drain();

  // The engine thread.

  /// All commands since the last take; waits up to `patience` for one.
  std::vector<Command> take(std::chrono::milliseconds patience);
  /// Appends to the outbox; waits first while that holds `outbox_bound` events or more: a consumer
  /// that is behind holds the engine back instead of filling memory.
  void publish(EventBatch&& events);

 private:
  const size_t outbox_bound_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable command_came_;
  std::condition_variable outbox_drained_;
  std::vector<Command> inbox_;
  EventBatch outbox_;
  bool stopping_ = false;
};

}  // namespace mlxd
