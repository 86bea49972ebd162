#include "kernels/settings.h"

#include "kernels/cpu/cores.h"
#include "kernels/cpu/thread_pool.h"

namespace mlxd::kernels {

void set_threads(int threads) {
  cpu::ThreadPool::shared().resize(threads > 0 ? threads : cpu::physical_cores());
}

int threads() { return cpu::ThreadPool::shared().threads(); }

}  // namespace mlxd::kernels
