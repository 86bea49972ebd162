// See load.h.
#include "models/load.h"

#include <algorithm>
#include <chrono>

#include "loader/adapter.h"

namespace mlxd {

LoadedModel load_model(const std::filesystem::path& folder,
                       const std::function<void(double fraction)>& progress,
                       const std::filesystem::path& adapter) {
  const auto start = std::chrono::steady_clock::now();
  Config config = load_config(folder);
  LoadedCheckpoint loaded = open_checkpoint(folder, config.quantization, config.has_other_parts());
  if (!adapter.empty()) add_adapter(adapter, loaded.checkpoint);
  if (progress) {
    loaded.checkpoint.on_take = [&progress, taken = size_t{0},
                                 total = loaded.bytes](size_t bytes) mutable {
      taken += bytes;
      progress(std::min(1.0, static_cast<double>(taken) / static_cast<double>(total)));
    };
  }
  const nn::Weights weights(std::move(loaded.checkpoint));
  std::unique_ptr<Model> model = make_model(config, weights);
  weights.expect_all_taken();
  if (progress) progress(1.0);
  mx::clear_cache();  // of the buffers that held weights before they were cast or repacked
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  LoadReport report{loaded.parameters,        loaded.bytes,           loaded.left_out_bytes,
                    std::move(loaded.shares), weights.memory_bytes(), seconds.count()};
  return {std::move(config), std::move(model), std::move(report)};
}

}  // namespace mlxd
