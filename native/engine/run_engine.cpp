// The life of the engine thread around its loop: device, load, serve, end.
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "engine/device.h"
#include "engine/loop.h"
#include "engine/thread_setup.h"
#include "kernels/settings.h"
#include "models/load.h"

namespace mlxd {
namespace {

/// Thrown by the progress callback to leave the load of an engine that was closed meanwhile.
struct LoadStopped : std::runtime_error {
  LoadStopped() : std::runtime_error("the engine was closed while the model was loading") {}
};

void publish_one(Mailbox& mailbox, EventKind kind, int32_t value = 0) {
  EventBatch events;
  events.add(0, kind, value);
  mailbox.publish(std::move(events));
}

LoadedModel load(const Loader& loader, Mailbox& mailbox, Status& status) {
  int reported = -1;
  return loader([&](double fraction) {
    status.beat();
    if (mailbox.stopping()) throw LoadStopped();
    const int thousandths = static_cast<int>(fraction * 1000);
    if (thousandths == reported) return;
    reported = thousandths;
    publish_one(mailbox, EventKind::progress, thousandths);
  });
}

ModelInfo describe(const LoadedModel& loaded, const EngineOptions& options, mx::Device device,
                   double load_ms) {
  const Config& config = loaded.config;
  return {config.model_type,
          config.max_position_embeddings,
          config.vocab_size,
          config.layers,
          loaded.report.parameters,
          loaded.report.weight_bytes,
          loaded.report.left_out_bytes,
          {config.eos_token_ids.begin(), config.eos_token_ids.end()},
          load_ms,
          device_name(device),
          kernels::kernels_in_use(),
          precision_in_use(options),
          mx::version()};
}

void serve(const LoadedModel& loaded, const EngineOptions& options, const MemoryLimits& memory,
           Mailbox& mailbox, Status& status) {
  Loop loop(*loaded.model,
            {loaded.config.max_position_embeddings, loaded.config.vocab_size, options.max_sequences,
             options.prefill_chunk, options.max_queue},
            memory, mailbox, status);
  status.state = EngineState::ready;
  publish_one(mailbox, EventKind::loaded);
  try {
    loop.serve();
    loop.end(std::nullopt);
  } catch (const std::exception& error) {  // not of a step: the engine itself is broken
    status.state = EngineState::failed;
    status.failed(error.what());
    loop.end(Failure{"engine_failed", error.what()});
  }
}

/// Says why there is no model, and answers the requests that already came for it.
void refuse(Mailbox& mailbox, const Failure& failure) {
  mailbox.stop();
  EventBatch events;
  events.add_failure(0, EventKind::load_failed, failure);
  for (const Command& command : mailbox.take(std::chrono::milliseconds(0))) {
    const auto* request = std::get_if<Request>(&command);
    if (request) events.add_failure(request->id, EventKind::failed, failure);
  }
  mailbox.publish(std::move(events));
}

void check_weights(size_t limit) {
  if (held_memory() <= limit) return;
  throw std::runtime_error("the model's weights take " + std::to_string(held_memory() >> 20) +
                           " MB, the memory limit is " + std::to_string(limit >> 20) +
                           " MB: choose a smaller model, or raise --memory-limit");
}

void load_and_serve(const EngineOptions& options, const Loader& loader, Mailbox& mailbox,
                    Status& status) {
  std::optional<LoadedModel> loaded;
  MemoryLimits memory{0, options.prefix_cache};
  try {
    const auto start = Status::Clock::now();
    const mx::Device device = set_up_thread(options);
    memory.total = memory_limit(options, device);
    limit_memory(device, memory.total);
    loaded = load(loader, mailbox, status);
    check_weights(memory.total);
    const std::chrono::duration<double, std::milli> took = Status::Clock::now() - start;
    status.set_info(describe(*loaded, options, device, took.count()));
  } catch (const LoadStopped& stopped) {
    return refuse(mailbox, {"engine_closed", stopped.what()});
  } catch (const std::exception& error) {
    status.state = EngineState::failed;
    status.failed(error.what());
    return refuse(mailbox, {"model_load_failed", error.what()});
  }
  serve(*loaded, options, memory, mailbox, status);
}

}  // namespace

void run_engine(const EngineOptions& options, const Loader& loader, Mailbox& mailbox,
                Status& status) {
  load_and_serve(options, loader, mailbox, status);  // all arrays are gone when it returns
  release_free_memory();
  release_thread();
  if (status.state != EngineState::failed) status.state = EngineState::closed;
  publish_one(mailbox, EventKind::closed);
}

}  // namespace mlxd
