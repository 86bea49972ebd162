// Settings of our CPU kernels. Threads hold for the whole process, since its cores do: engines
// share them. Precision holds for the thread that loads a model. May be called while kernels run.
#pragma once

#include <cstddef>

#include "kernels/cpu/precision.h"

namespace mlxd::kernels {

/// Threads that a kernel computes on, the calling one included; 0 is the default, one a physical
/// core. Clamped to 256. Changes no result.
void set_threads(int threads);

int threads();

/// The precision of the matrices that this thread constructs from now on: set it before a model is
/// loaded. At first it is exact, which MLX's kernels can be compared with; engines say theirs.
void set_precision(Precision precision);

Precision precision();

/// Bytes of weights in our own layout, over all models of the process; MLX's count leaves them out.
size_t packed_bytes();

}  // namespace mlxd::kernels
