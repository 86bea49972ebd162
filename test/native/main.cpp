// The main function of every C++ test executable.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "doctest/doctest.h"

#if defined(__SANITIZE_THREAD__)
// libmlx is not instrumented: the atomic reference counts in it, after which one thread frees what
// another has used, are invisible to the sanitizer. Only these frees are left out; uses after free
// are AddressSanitizer's business.
extern "C" const char* __tsan_default_suppressions() {
  return "race_top:operator delete\nrace_top:pthread_cond_destroy\n";
}
#endif
