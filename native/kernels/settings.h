// Settings of our CPU kernels, and the one place that says whether they are used at all. Threads
// hold for the whole process, since its cores do: engines share them. The rest holds for the thread
// that loads a model and runs it. May be called while kernels run.
#pragma once

#include <cstddef>
#include <string>

#include "kernels/cpu/precision.h"

namespace mlxd::kernels {

/// Threads that a kernel computes on, the calling one included; 0 is the default, one a physical
/// core. Clamped to 256. Changes no result.
void set_threads(int threads);

int threads();

/// automatic: our kernels on a CPU. mlx: those of MLX everywhere, to compare with.
enum class KernelChoice { automatic, mlx };

/// Whose kernels this thread uses from now on: set it before a model is loaded and leave it. At
/// first it is automatic.
void set_kernels(KernelChoice choice);

/// Whether what this thread builds now is computed by kernels of ours where they fit.
bool use_own_kernels();

/// Whose kernels those are: "mlx", or the instruction set of ours ("avx512_vnni").
std::string kernels_in_use();

/// The precision of the matrices that this thread constructs from now on: set it before a model is
/// loaded. At first it is exact, which MLX's kernels can be compared with; engines say theirs.
void set_precision(Precision precision);

Precision precision();

/// Whether the matrices that this thread constructs from now on are only measured: they know what
/// they would hold, and read no weights. At first they are not. For models that are described, not
/// run.
void set_measuring(bool measuring);

bool measuring();

/// How many bits of keys and values our kernels keep in caches that this thread's models make from
/// now on: 16 (float16, or float32 at Precision::exact; at first), or integers of 8 or 4 bits.
void set_kv_bits(int bits);

int kv_bits();

/// Bytes of weights in our own layout, over all models of the process; MLX's count leaves them out.
size_t packed_bytes();

/// Bytes of keys and values in pages, likewise.
size_t kv_bytes();

/// Gives the system what free places among those pages hold. For a time without work.
void trim_kv();

}  // namespace mlxd::kernels
