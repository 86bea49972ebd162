// See inspect.h.
#include "engine/inspect.h"

#include <algorithm>
#include <future>

#include "engine/device.h"
#include "engine/memory.h"
#include "engine/thread_setup.h"
#include "kernels/settings.h"

namespace mlxd {
namespace {

ModelSummary inspect(const EngineOptions& options, const ModelFiles& files, int context) {
  const mx::Device device = set_up_thread(options);
  kernels::set_measuring(true);
  LoadedModel loaded = load_model(files.folder, nullptr, files.adapter);
  const SequenceCache cache = loaded.model->make_cache();
  const int whole = loaded.config.max_position_embeddings;
  const int length = context > 0 ? std::min(context, whole) : whole;
  const size_t limit = memory_limit(options, device);
  const MemoryBudget budget(limit, loaded.report.memory_bytes);
  return {std::move(loaded.config),
          std::move(loaded.report),
          device_name(device),
          kernels::kernels_in_use(),
          precision_in_use(options),
          limit,
          length,
          cache.bytes_for(length),
          most_positions(cache, budget, whole)};
}

}  // namespace

ModelSummary inspect_model(const EngineOptions& options, const ModelFiles& files, int context) {
  // A thread of its own, as an engine has: MLX's streams and our settings belong to one.
  return std::async(std::launch::async,
                    [&] {
                      struct Release {
                        ~Release() { release_thread(); }
                      } release;
                      return inspect(options, files, context);
                    })
      .get();
}

}  // namespace mlxd
