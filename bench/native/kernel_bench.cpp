// How near the CPU kernels come to the machine: the share of its read bandwidth at one row, and
// GFLOP/s at many, for the shapes of SmolLM2-135M. Usage: kernel_bench [--threads N] [--megabytes
// N] [--isa NAME] [--precision NAME] [--format NAME], a format being 2bit .. 8bit, mxfp4, mxfp8,
// nvfp4, f16, bf16 or f32; without, 4bit and 8bit.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cpu/cores.h"
#include "kernels/cpu/matmul.h"

using namespace mlxd::kernels::cpu;
using mlxd::kernels::Precision;

namespace {

struct Options {
  int threads = physical_cores();
  size_t bytes = size_t(256) << 20;  // of weights, read in turn: more than a core's own caches hold
  Isa isa = best_isa();
  Precision precision = Precision::exact;
  std::vector<const char*> formats{"4bit", "8bit"};
};

struct Shape {
  int outputs;
  int inputs;
};

constexpr Shape kShapes[] = {{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}};

double seconds_of(auto&& work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// GB/s of reading `bytes` from memory on all threads, eight independent sums a thread.
double read_bandwidth(const Options& options, ThreadPool& pool) {
  constexpr size_t kChunk = size_t(1) << 20;
  std::vector<uint64_t> data(options.bytes / 8, 1);
  std::vector<uint64_t> sums(options.bytes / kChunk);
  auto read = [&](int chunk) {
    const uint64_t* from = data.data() + chunk * (kChunk / 8);
    uint64_t partial[32] = {};
    for (size_t i = 0; i < kChunk / 8; i += 32) {
      for (int lane = 0; lane < 32; ++lane) partial[lane] += from[i + lane];
    }
    for (uint64_t value : partial) sums[chunk] += value;
  };
  std::vector<double> rates;
  for (int round = 0; round < 7; ++round) {
    double seconds = seconds_of([&] { pool.run(static_cast<int>(sums.size()), read); });
    rates.push_back(options.bytes / seconds / 1e9);
  }
  return median(rates);
}

std::optional<MatrixFormat> named_format(std::string_view name, const Shape& shape) {
  if (name == "mxfp4") return mxfp4_format(shape.outputs, shape.inputs);
  if (name == "mxfp8") return mxfp8_format(shape.outputs, shape.inputs);
  if (name == "nvfp4") return nvfp4_format(shape.outputs, shape.inputs);
  if (name == "f16") return dense_format(shape.outputs, shape.inputs, ScaleType::f16);
  if (name == "bf16") return dense_format(shape.outputs, shape.inputs, ScaleType::bf16);
  if (name == "f32") return dense_format(shape.outputs, shape.inputs, ScaleType::f32);
  for (int bits : {2, 3, 4, 5, 6, 8}) {
    if (name != std::to_string(bits) + "bit") continue;
    return MatrixFormat{shape.outputs, shape.inputs, 32, bits, ScaleType::f16};
  }
  return std::nullopt;
}

std::deque<PackedMatrix> make_matrices(const MatrixFormat& format, size_t bytes, ThreadPool& pool) {
  std::vector<uint32_t> weight(size_t(format.rows) * format.columns * format.bits / 32);
  for (size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<uint32_t>(i * 2654435761u);
  // 2^-7 as a float16; as an e8m0 2^-95 and 1, as an e4m3 2^-3 and 0.
  std::vector<uint16_t> scales(size_t(format.rows) * format.columns / 32, 0x2000);
  if (format.encoding == Encoding::dense) std::fill(weight.begin(), weight.end(), 0x20002000);
  std::deque<PackedMatrix> matrices;
  size_t made = 0;
  do {
    matrices.emplace_back(format, weight.data(), scales.data(), scales.data(), pool);
    made += matrices.back().bytes();
  } while (made < bytes);
  return matrices;
}

struct Run {
  double weight_gbs;
  double gflops;
};

Run measure(const std::deque<PackedMatrix>& matrices, const Shape& shape, int rows,
            const Options& options, ThreadPool& pool) {
  std::vector<float> x(size_t(rows) * shape.inputs), y(size_t(rows) * shape.outputs);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8.0f;
  const double flops = 2.0 * rows * shape.outputs * shape.inputs;
  const size_t calls = std::clamp<size_t>(static_cast<size_t>(4e9 / flops), 1, matrices.size());
  std::vector<double> times;
  for (int round = 0; round < 5; ++round) {
    times.push_back(seconds_of([&] {
      for (size_t i = 0; i < calls; ++i) {
        matmul({{&matrices[i]}, y.data()}, {{x.data(), size_t(shape.inputs), rows}},
               {options.precision, options.isa, pool});
      }
    }));
  }
  const double seconds = median(times) / calls;
  return {matrices[0].bytes() / seconds / 1e9, flops / seconds / 1e9};
}

void print_shape(const Shape& shape, const char* name, const Options& options, double bandwidth,
                 ThreadPool& pool) {
  const auto format = named_format(name, shape);
  if (!format) {
    std::fprintf(stderr, "kernel_bench: no format is called %s\n", name);
    std::exit(2);
  }
  const auto matrices = make_matrices(*format, options.bytes, pool);
  const Run one = measure(matrices, shape, 1, options, pool);
  const Run sixteen = measure(matrices, shape, 16, options, pool);
  const Run many = measure(matrices, shape, 512, options, pool);
  std::printf("%-5s %6d x %-5d %8.1f %6.0f%% %10.0f %10.0f\n", name, shape.outputs, shape.inputs,
              one.weight_gbs, 100 * one.weight_gbs / bandwidth, sixteen.gflops, many.gflops);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    if (name == "--threads") options.threads = std::atoi(argv[i + 1]);
    if (name == "--megabytes") options.bytes = size_t(std::atoi(argv[i + 1])) << 20;
    if (name == "--format") options.formats = {argv[i + 1]};
    if (name == "--precision") {
      std::string_view value = argv[i + 1];
      options.precision = value == "fast"       ? Precision::fast
                          : value == "balanced" ? Precision::balanced
                                                : Precision::exact;
    }
    for (Isa isa : supported_isas()) {
      if (name == "--isa" && std::strcmp(argv[i + 1], isa_name(isa)) == 0) options.isa = isa;
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  ThreadPool pool(options.threads);
  const double bandwidth = read_bandwidth(options, pool);
  std::printf("%s, %d threads, reads %.1f GB/s\n", isa_name(options.isa), pool.threads(),
              bandwidth);
  std::printf("%20s %17s %10s %10s\n", "", "1 row: GB/s, of peak", "16: GF/s", "512: GF/s");
  for (const char* format : options.formats) {
    for (const Shape& shape : kShapes) print_shape(shape, format, options, bandwidth, pool);
  }
}
