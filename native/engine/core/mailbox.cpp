// Inbox and bounded outbox between the engine thread and the others.
#include "engine/core/mailbox.h"

#include <utility>

namespace mlxd {

Mailbox::Mailbox(size_t outbox_bound, std::function<void()> wake)
    : outbox_bound_(outbox_bound), wake_(std::move(wake)) {}

bool Mailbox::post(Command command) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    inbox_.push_back(std::move(command));
  }
  command_came_.notify_one();
  return true;
}

void Mailbox::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  command_came_.notify_all();
  outbox_drained_.notify_all();
}

bool Mailbox::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

std::vector<Command> Mailbox::take(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  command_came_.wait_for(lock, patience, [this] { return stopping_ || !inbox_.empty(); });
  return std::exchange(inbox_, {});
}

void Mailbox::publish(EventBatch&& events) {
  if (events.empty()) return;
  bool was_empty;
  {
    std::unique_lock lock(mutex_);
    outbox_drained_.wait(lock, [this] { return stopping_ || outbox_.size() < outbox_bound_; });
    was_empty = outbox_.empty();
    outbox_.append(std::move(events));
  }
  if (was_empty) wake_();
}

EventBatch Mailbox::drain() {
  EventBatch events;
  {
    std::lock_guard lock(mutex_);
    events = std::exchange(outbox_, {});
  }
  outbox_drained_.notify_one();
  return events;
}

}  // namespace mlxd
