// What EngineOptions say of the thread that loads and runs a model, put into effect.
#pragma once

#include <string>

#include "engine/device.h"
#include "engine/engine.h"

namespace mlxd {

/// Readies the calling thread to load a model: device, stream, kernels, their threads and
/// precision. release_thread() ends it. Throws std::runtime_error for a name that is none, and what
/// prepare_thread throws.
mx::Device set_up_thread(const EngineOptions& options);

/// The memory limit, asked for or the device's.
size_t memory_limit(const EngineOptions& options, mx::Device device);

/// "cpu" or "gpu".
std::string device_name(mx::Device device);

/// Of our kernels; empty where the calling thread uses those of MLX.
std::string precision_in_use(const EngineOptions& options);

}  // namespace mlxd
