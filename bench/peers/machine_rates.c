// What the machine itself can do, as the bound to hold results against: prints one number, the best
// rate over some passes, as STREAM does.
//           machine_rates read THREADS BYTES   bytes a second, streaming over a buffer of that size
//           machine_rates f32|int8 THREADS     multiply-adds a second in registers (int8 only with
//           VNNI, else 0)

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MAX_THREADS = 256, PASSES = 15, WARMUP = 3, CHAINS = 12 };
static const double MIN_PASS_SECONDS = 0.02;
static const long MAX_REPEATS = 1L << 30;

typedef struct {
  const char* mode;
  const uint64_t* data;  // [words], this thread's slice
  size_t words;
  long repeats;
  pthread_barrier_t* barrier;
  int passes;
  double start, end;  // of the last pass
  uint64_t sink;      // keeps the compiler from dropping the work
} Task;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint64_t read_slice(const Task* task) {
  uint64_t sum[64] = {0};
  for (long r = 0; r < task->repeats; r++)
    for (size_t i = 0; i + 64 <= task->words; i += 64)
      for (int lane = 0; lane < 64; lane++) sum[lane] += task->data[i + lane];
  uint64_t total = 0;
  for (int lane = 0; lane < 64; lane++) total += sum[lane];
  return total;
}

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
/// Says to the compiler that a vector register changes; through memory it would store the sums too.
#if defined(__x86_64__)
#define REGISTER(vector) "+x"(vector)
#else
#define REGISTER(vector) "+w"(vector)
#endif
typedef float Floats __attribute__((vector_size(VECTOR_BYTES)));
enum { FLOATS = VECTOR_BYTES / sizeof(float) };

/// Enough independent chains to hide the latency; compiled to fused multiply-adds where there are
/// any.
static uint64_t multiply_floats(const Task* task) {
  Floats sum[CHAINS] = {{0}}, factor = {1.5f};
#pragma GCC unroll 12
  for (int i = 0; i < CHAINS; i++) __asm__("" : REGISTER(sum[i]));  // chains that differ
  for (long r = 0; r < task->repeats; r++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] += factor * factor;
    __asm__ volatile("" : REGISTER(factor));  // or the loop would be folded into one multiplication
  }
  uint64_t total = 0;
  for (int i = 0; i < CHAINS; i++) total += (uint64_t)sum[i][0];
  return total;
}

#if defined(__AVX512VNNI__)
enum { DOT_BYTES = 64 };
typedef __m512i Ints;
#define DOT(c, a, b) _mm512_dpbusd_epi32(c, a, b)
#elif defined(__AVXVNNI__)
enum { DOT_BYTES = 32 };
typedef __m256i Ints;
#define DOT(c, a, b) _mm256_dpbusd_avx_epi32(c, a, b)
#else
enum { DOT_BYTES = 0 };
#endif

static uint64_t multiply_bytes(const Task* task) {
  uint64_t total = 0;
#ifdef DOT
  Ints sum[CHAINS] = {{0}}, factor = {0x0101010101010101};
#pragma GCC unroll 12
  for (int i = 0; i < CHAINS; i++) __asm__("" : REGISTER(sum[i]));  // chains that differ
  for (long r = 0; r < task->repeats; r++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] = DOT(sum[i], factor, factor);
    __asm__ volatile("" : REGISTER(factor));
  }
  for (int i = 0; i < CHAINS; i++) total += sum[i][0];
#else
  (void)task;
#endif
  return total;
}

static void* work(void* argument) {
  Task* task = argument;
  for (int pass = 0; pass < task->passes; pass++) {
    pthread_barrier_wait(task->barrier);
    task->start = now();
    if (task->mode[0] == 'r') task->sink += read_slice(task);
    if (task->mode[0] == 'f') task->sink += multiply_floats(task);
    if (task->mode[0] == 'i') task->sink += multiply_bytes(task);
    task->end = now();
    pthread_barrier_wait(task->barrier);
  }
  return NULL;
}

/// Seconds of the best pass, in which every thread does its task once: from the first start to the
/// last end, by the threads' own clocks, since this thread may be late to see either.
static double best_pass(Task* tasks, int threads, int passes) {
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, threads + 1);
  pthread_t handles[MAX_THREADS];
  for (int t = 0; t < threads; t++) {
    tasks[t].barrier = &barrier;
    tasks[t].passes = passes;
    pthread_create(&handles[t], NULL, work, &tasks[t]);
  }
  double best = INFINITY;
  for (int pass = 0; pass < passes; pass++) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    double start = INFINITY, end = 0;
    for (int t = 0; t < threads; t++) {
      start = fmin(start, tasks[t].start);
      end = fmax(end, tasks[t].end);
    }
    best = fmin(best, end - start);
  }
  for (int t = 0; t < threads; t++) pthread_join(handles[t], NULL);
  pthread_barrier_destroy(&barrier);
  return best;
}

/// What one thread does in a pass of `task`: bytes read or multiply-adds.
static double units(const Task* task) {
  if (task->mode[0] == 'r')
    return (double)task->repeats * (task->words / 64) * 64 * sizeof(uint64_t);
  return (double)task->repeats * CHAINS * (task->mode[0] == 'f' ? FLOATS : DOT_BYTES);
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  const int threads = argc > 2 ? atoi(argv[2]) : 0;
  const int reading = strcmp(mode, "read") == 0;
  if ((!reading && strcmp(mode, "f32") != 0 && strcmp(mode, "int8") != 0) ||
      argc != (reading ? 4 : 3) || threads < 1 || threads > MAX_THREADS) {
    fprintf(stderr, "usage: machine_rates read THREADS BYTES | machine_rates f32|int8 THREADS\n");
    return 2;
  }
  const size_t words = reading ? (size_t)(atof(argv[3]) / sizeof(uint64_t)) / threads : 0;
  uint64_t* data = NULL;
  if (reading && posix_memalign((void**)&data, 4096, words * threads * sizeof *data) != 0) return 1;
  if (reading) memset(data, 1, words * threads * sizeof *data);
  static Task tasks[MAX_THREADS];
  for (int t = 0; t < threads; t++)
    tasks[t] = (Task){.mode = mode, .data = data + t * words, .words = words, .repeats = 1};
  // A pass must be long against the barriers around it.
  while (best_pass(tasks, threads, WARMUP) < MIN_PASS_SECONDS && tasks[0].repeats < MAX_REPEATS)
    for (int t = 0; t < threads; t++) tasks[t].repeats *= 2;
  printf("%.6g\n", threads * units(&tasks[0]) / best_pass(tasks, threads, PASSES));
  return 0;
}
