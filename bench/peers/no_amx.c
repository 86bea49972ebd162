// Preloaded into llama.cpp's process to measure it without AMX: refuses it the tile registers, as a
// processor that has none would, so that it takes its AVX-512 path. It asks the kernel through
// syscall(); all other calls pass.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

static const long ARCH_REQ_XCOMP_PERM = 0x1023;

long syscall(long number, ...) {
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) arguments[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_arch_prctl && arguments[0] == ARCH_REQ_XCOMP_PERM) {
    errno = EPERM;
    return -1;
  }
  long (*next)(long, ...) = dlsym(RTLD_NEXT, "syscall");
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
              arguments[5]);
}
