// See thread_setup.h.
#include "engine/thread_setup.h"

#include <stdexcept>

#include "kernels/settings.h"

namespace mlxd {
namespace {

DeviceChoice device_choice(const std::string& name) {
  if (name == "auto") return DeviceChoice::automatic;
  if (name == "cpu") return DeviceChoice::cpu;
  if (name == "gpu") return DeviceChoice::gpu;
  throw std::runtime_error("device must be auto, cpu or gpu, got " + name);
}

kernels::KernelChoice kernel_choice(const std::string& name) {
  if (name == "auto") return kernels::KernelChoice::automatic;
  if (name == "mlx") return kernels::KernelChoice::mlx;
  throw std::runtime_error("kernels must be auto or mlx, got " + name);
}

kernels::Precision precision(const std::string& name) {
  if (name == "exact") return kernels::Precision::exact;
  if (name == "balanced") return kernels::Precision::balanced;
  if (name == "fast") return kernels::Precision::fast;
  throw std::runtime_error("precision must be exact, balanced or fast, got " + name);
}

/// After the choice of kernels: only ours keep keys and values in fewer bits.
int kv_bits(int asked) {
  if (asked != 16 && asked != 8 && asked != 4) {
    throw std::runtime_error("kv bits must be 16, 8 or 4, got " + std::to_string(asked));
  }
  if (asked != 16 && !kernels::use_own_kernels()) {
    throw std::runtime_error(
        "kv bits " + std::to_string(asked) +
        " were asked for, but only our own kernels on a CPU keep keys and values in fewer than 16: "
        "use kv bits 16, or device cpu with kernels auto");
  }
  return asked;
}

}  // namespace

mx::Device set_up_thread(const EngineOptions& options) {
  const mx::Device device = prepare_thread(device_choice(options.device));
  if (options.threads > 0) kernels::set_threads(options.threads);
  kernels::set_kernels(kernel_choice(options.kernels));
  kernels::set_precision(precision(options.precision));
  kernels::set_kv_bits(kv_bits(options.kv_bits));
  return device;
}

size_t memory_limit(const EngineOptions& options, mx::Device device) {
  return options.memory_limit > 0 ? options.memory_limit : default_memory_limit(device);
}

std::string device_name(mx::Device device) { return device == mx::Device::gpu ? "gpu" : "cpu"; }

std::string precision_in_use(const EngineOptions& options) {
  return kernels::use_own_kernels() ? options.precision : "";
}

}  // namespace mlxd
