// Settings of our CPU kernels. They hold for the whole process, since its cores do: engines share
// them.
#pragma once

namespace mlxd::kernels {

/// Threads that a kernel computes on, the calling one included; 0 is the default, one a physical
/// core. Clamped to 256. Changes no result. May be called from any thread, also while kernels run.
void set_threads(int threads);

int threads();

}  // namespace mlxd::kernels
