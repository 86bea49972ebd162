// Which device MLX computes on. Engine thread only.
#pragma once

#include "mlx/mlx.h"

namespace mlxd {
namespace mx = mlx::core;

enum class DeviceChoice { automatic, cpu, gpu };

/// Readies the calling thread to compute: makes the device MLX's default, and a new stream on it
/// the thread's default. `automatic` is the GPU if MLX has one, else the CPU. MLX's default device
/// belongs to the whole process, so the first engine of a process decides: throws
/// std::runtime_error for another device after that, and for a GPU that is not there.
mx::Device prepare_thread(DeviceChoice choice);

/// What one engine may hold on the device unless it is told otherwise, in bytes: the working set
/// that a GPU recommends, or four fifths of the machine's memory.
size_t default_memory_limit(mx::Device device);

/// Fits MLX's own limits to that of the engine. Call it before anything is computed. On a GPU what
/// the engine holds stays resident (wired), as far as the system lets it; buffers that are free but
/// not given back are held to a sixteenth of the limit.
void limit_memory(mx::Device device, size_t limit);

/// Ends what prepare_thread began: gives back the thread's streams.
void release_thread();

}  // namespace mlxd
