// Included ahead of llama.cpp's sources, for processors with AMX. GCC 12's _tile_loadconfig() tells
// the compiler of 8 of the 64 bytes that it reads; the stores to the others are dropped, and the
// first matrix product ends in a protection fault.
#pragma once

#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define _tile_loadconfig(config) \
  __asm__ volatile("ldtilecfg %0" ::"m"(*(const char(*)[64])(config)) : "memory")
#endif
