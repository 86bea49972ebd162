// The engine's public face. It owns the one thread that touches MLX, from load to destroy; all
// other threads talk to that one through a mailbox. No JavaScript here, and no tensors in this
// header.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/core/mailbox.h"
#include "engine/core/status.h"
#include "engine/core/types.h"

namespace mlxd {

struct LoadedModel;

/// Called on the engine thread with the loaded fraction; what it throws ends the load.
using Progress = std::function<void(double fraction)>;

/// Makes the model, on the engine thread. Tests pass loaders of their own.
using Loader = std::function<LoadedModel(const Progress& progress)>;

struct ModelFiles {
  std::filesystem::path folder;        // config.json, *.safetensors
  std::filesystem::path adapter = {};  // the folder of a LoRA adapter; empty: none
};

/// The loader of a model folder.
Loader folder_loader(ModelFiles files);

struct EngineOptions {
  std::string device = "auto";         // auto, cpu or gpu
  std::string kernels = "auto";        // auto: ours on a CPU; mlx: those of MLX everywhere
  int threads = 0;                     // of the CPU kernels; 0: one a physical core
  std::string precision = "balanced";  // of the CPU kernels: exact, balanced or fast
  int kv_bits = 16;                    // of keys and values in the CPU kernels' caches: 16, 8 or 4
  int max_sequences = 32;              // computed together
  int prefill_chunk = 512;             // prompt tokens computed in one step, at the most
  int max_queue = 128;                 // requests that wait beside those; more are refused
  size_t memory_limit = 0;             // bytes, weights included; 0: what the machine can spare
  std::optional<size_t> prefix_cache = {};  // bytes of these; a quarter of what weights leave
  size_t outbox_bound = 4096;               // undrained events above which the engine waits
};

/// All functions may be called from any thread.
class Engine {
 public:
  /// Starts the thread, which begins to load. `wake` is called on it when there are events to
  /// drain, and must not block. The first event that is not progress is `loaded` or `load_failed`,
  /// the last one `closed`.
  Engine(EngineOptions options, Loader loader, std::function<void()> wake);
  /// As close().
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Queues a request. Its last event is `finished` or `failed`, always. False once stopped: then
  /// there are no events.
  bool submit(Request request);
  /// Ends a request before the next step; unknown ids are ignored, as the request may have ended
  /// just before.
  void cancel(RequestId id);
  /// All events since the last drain, oldest first.
  EventBatch drain();
  EngineStats stats() const;
  /// Of the loaded model; empty before the event `loaded`.
  ModelInfo info() const;
  /// Asks the thread to cancel everything and end. Does not wait: `closed` comes when it has.
  void stop();
  /// stop(), and waits for the thread: one step at the most. Idempotent; not to be called from
  /// `wake`.
  void close();

 private:
  Mailbox mailbox_;
  Status status_;
  std::mutex close_mutex_;
  std::thread thread_;  // last: it uses the members above
};

}  // namespace mlxd
