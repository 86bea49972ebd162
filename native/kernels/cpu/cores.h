// How many cores this process may compute on.
#pragma once

namespace mlxd::kernels::cpu {

/// Physical cores among the CPUs that this process may run on (hyper-threads share the units that
/// kernels keep busy; on Apple silicon the performance cores), and no more than a container's CPU
/// quota. At least 1.
int physical_cores();

}  // namespace mlxd::kernels::cpu
