// What inspect_model says of the fixtures' models, beside what loading them shows.
#include "engine/inspect.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "kernels/settings.h"

namespace mlxd::test {

namespace {

const std::filesystem::path kFixtures = "test/fixtures/models";

// A fixture's adapter lies in a folder of its own.
ModelFiles files_of(const std::filesystem::path& folder) {
  const auto adapter = folder / "adapter";
  return {folder, std::filesystem::exists(adapter) ? adapter : std::filesystem::path()};
}

ModelSummary inspect(const std::string& name, int context = 0, EngineOptions options = {}) {
  return inspect_model(options, files_of(kFixtures / name), context);
}

std::string error_of(const std::filesystem::path& folder) {
  try {
    inspect_model({}, {folder}, 0);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "(no error)";
}

}  // namespace

TEST_CASE("an inspected model takes what the loaded one holds") {
  for (const auto& entry : std::filesystem::directory_iterator(kFixtures)) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    for (const std::string kernels : {"auto", "mlx"}) {
      EngineOptions options;
      options.kernels = kernels;
      const ModelSummary summary = inspect(name, 300, options);
      kernels::set_precision(kernels::Precision::balanced);
      kernels::set_kernels(kernels == "mlx" ? kernels::KernelChoice::mlx
                                            : kernels::KernelChoice::automatic);
      const LoadedModel loaded = load_model(entry.path(), nullptr, files_of(entry.path()).adapter);
      CHECK(summary.report.memory_bytes == loaded.report.memory_bytes);
      CHECK(summary.report.parameters == loaded.report.parameters);
      CHECK(summary.context_memory == loaded.model->make_cache().bytes_for(300));
      kernels::set_kernels(kernels::KernelChoice::automatic);
      kernels::set_precision(kernels::Precision::exact);
    }
  }
}

TEST_CASE("inspecting reads no weights") {
  const size_t packed = kernels::packed_bytes();
  mx::reset_peak_memory();
  const size_t before = mx::get_active_memory();
  inspect("qwen3");
  CHECK(kernels::packed_bytes() == packed);
  CHECK(mx::get_peak_memory() < before + 4096);
}

TEST_CASE("shares say how weights are stored") {
  const ModelSummary summary = inspect("llama-mixed-quantized");
  int64_t parameters = 0;
  size_t bytes = 0;
  std::vector<std::string> formats;
  for (const WeightShare& share : summary.report.shares) {
    formats.push_back(share.format + " " + std::to_string(share.bits) + " " +
                      std::to_string(share.group_size));
    parameters += share.parameters;
    bytes += share.bytes;
  }
  CHECK(formats ==
        std::vector<std::string>{"affine 4 32", "float16 16 0", "affine 6 32", "affine 8 64"});
  CHECK(parameters == summary.report.parameters);
  CHECK(bytes == summary.report.weight_bytes);
  const auto& shares = summary.report.shares;
  CHECK(shares[2].parameters == 64 * 96);                            // down_proj of layer 0
  CHECK(shares[2].bytes == 64 * 96 * 6 / 8 + 2 * 2 * 64 * 96 / 32);  // with scales and biases
}

TEST_CASE("a window, precision and the limit are in the figures") {
  const auto context_memory = [](const std::string& name, const std::string& precision) {
    EngineOptions options;
    options.precision = precision;
    return inspect(name, 512, options).context_memory;
  };
  // 2 layers, 2 heads, 16 wide, keys and values, 4 pages of 128 positions.
  CHECK(context_memory("llama-llama3-rope", "exact") == 2 * 2 * 16 * 2 * 512 * 4);
  CHECK(context_memory("llama-llama3-rope", "balanced") == 2 * 2 * 16 * 2 * 512 * 2);
  CHECK(context_memory("mistral-window", "balanced") < 2 * 2 * 16 * 2 * 512 * 2);

  EngineOptions options;
  options.memory_limit = inspect("qwen3").report.memory_bytes + 1;
  CHECK(inspect("qwen3", 0, options).longest_context == 0);
  options.memory_limit += inspect("qwen3", 256).context_memory;
  const ModelSummary summary = inspect("qwen3", 1'000'000, options);
  CHECK(summary.memory_limit == options.memory_limit);
  CHECK(summary.longest_context == 256);
  CHECK(summary.context == 512);  // all that the model has
}

TEST_CASE("what cannot be loaded says why") {
  CHECK(error_of("no/such/folder").find("no/such/folder") != std::string::npos);
}

}  // namespace mlxd::test
