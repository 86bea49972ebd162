#include "kernels/settings.h"

#include "kernels/cpu/cores.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/kv_memory.h"
#include "kernels/cpu/kv_page.h"
#include "kernels/cpu/packed_matrix.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/cpu_primitive.h"

namespace mlxd::kernels {
namespace {

thread_local KernelChoice current_choice = KernelChoice::automatic;
thread_local Precision current_precision = Precision::exact;
thread_local bool only_measures = false;
thread_local int current_kv_bits = 16;

}  // namespace

void set_threads(int threads) {
  cpu::ThreadPool::shared().resize(threads > 0 ? threads : cpu::physical_cores());
}

int threads() { return cpu::ThreadPool::shared().threads(); }

void set_kernels(KernelChoice choice) { current_choice = choice; }

bool use_own_kernels() { return default_is_cpu() && current_choice == KernelChoice::automatic; }

std::string kernels_in_use() { return use_own_kernels() ? cpu::isa_name(cpu::best_isa()) : "mlx"; }

void set_precision(Precision precision) { current_precision = precision; }

Precision precision() { return current_precision; }

void set_measuring(bool measuring) { only_measures = measuring; }

bool measuring() { return only_measures; }

void set_kv_bits(int bits) { current_kv_bits = bits; }

int kv_bits() { return current_kv_bits; }

size_t packed_bytes() { return cpu::PackedMatrix::total_bytes(); }

size_t kv_bytes() { return cpu::KvPage::total_bytes(); }

void trim_kv() { cpu::trim_kv_memory(); }

}  // namespace mlxd::kernels
