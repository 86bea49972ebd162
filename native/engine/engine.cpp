// Starts, addresses and ends the engine thread.
#include "engine/engine.h"

#include <utility>

#include "engine/loop.h"

namespace mlxd {

Engine::Engine(EngineOptions options, Loader loader, std::function<void()> wake)
    : mailbox_(options.outbox_bound, std::move(wake)),
      thread_([this, options = std::move(options), loader = std::move(loader)] {
        run_engine(options, loader, mailbox_, status_);
      }) {}

Engine::~Engine() { close(); }

bool Engine::submit(Request request) { return mailbox_.post(std::move(request)); }

void Engine::cancel(RequestId id) { mailbox_.post(Cancel{id}); }

EventBatch Engine::drain() { return mailbox_.drain(); }

EngineStats Engine::stats() const { return status_.stats(); }

ModelInfo Engine::info() const { return status_.info(); }

void Engine::stop() { mailbox_.stop(); }

void Engine::close() {
  stop();
  std::lock_guard lock(close_mutex_);
  if (thread_.joinable()) thread_.join();
}

}  // namespace mlxd
