// The process's device and the thread's stream. Engine thread only.
#include "engine/device.h"

#if defined(__APPLE__)
#include <sys/sysctl.h>

#include <cstdlib>
#endif

#include <algorithm>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

#include "engine/core/command_buffers.h"

namespace mlxd {
namespace {

/// Fits MLX's command buffers to the chip, where the user's environment does not. MLX reads these
/// variables once, when it first meets the GPU.
void fit_command_buffers() {
#if defined(__APPLE__)
  static std::once_flag once;
  std::call_once(once, [] {
    char chip[64] = {};
    size_t size = sizeof(chip) - 1;
    if (sysctlbyname("machdep.cpu.brand_string", chip, &size, nullptr, 0) != 0) return;
    const auto buffers = command_buffers_for(chip);
    if (!buffers) return;
    setenv("MLX_MAX_OPS_PER_BUFFER", std::to_string(buffers->operations).c_str(), 0);
    setenv("MLX_MAX_MB_PER_BUFFER", std::to_string(buffers->megabytes).c_str(), 0);
  });
#endif
}

const char* name_of(mx::Device device) { return device == mx::Device::gpu ? "gpu" : "cpu"; }

mx::Device resolve(DeviceChoice choice) {
  const bool has_gpu = mx::is_available(mx::Device::gpu);
  if (choice == DeviceChoice::gpu && !has_gpu) {
    throw std::runtime_error(
        "device gpu was asked for, but this build of MLX has no GPU here: use auto or cpu");
  }
  const bool use_gpu =
      choice == DeviceChoice::gpu || (choice == DeviceChoice::automatic && has_gpu);
  return use_gpu ? mx::Device::gpu : mx::Device::cpu;
}

// The one global of ours, because MLX's default device is one: engines on several threads must not
// change it under each other, so it is set once.
void claim(mx::Device device) {
  static std::mutex mutex;
  static std::optional<mx::Device> claimed;
  std::lock_guard lock(mutex);
  if (!claimed) {
    mx::set_default_device(device);
    claimed = device;
  }
  if (*claimed != device) {
    throw std::runtime_error(std::string("device ") + name_of(device) +
                             " was asked for, but this process already computes on " +
                             name_of(*claimed) + ": use one device in a process");
  }
}

}  // namespace

mx::Device prepare_thread(DeviceChoice choice) {
  fit_command_buffers();
  const mx::Device device = resolve(choice);
  claim(device);
  mx::set_default_stream(mx::new_stream(device));
  return device;
}

size_t default_memory_limit(mx::Device device) {
  const auto& info = mx::device_info(device);
  const auto working_set = info.find("max_recommended_working_set_size");
  if (working_set != info.end()) return std::get<size_t>(working_set->second);
  return mx::get_memory_limit();  // of MLX: four fifths of the memory
}

void limit_memory(mx::Device device, size_t limit) {
  mx::set_cache_limit(limit / 16);
  if (device == mx::Device::gpu) {
    mx::set_wired_limit(std::min(limit, default_memory_limit(device)));
  }
}

void release_thread() { mx::clear_streams(); }

}  // namespace mlxd
