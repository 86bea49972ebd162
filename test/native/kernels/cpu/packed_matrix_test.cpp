// The packed layout: what goes in comes out, for every format and at every edge.
#include "kernels/cpu/packed_matrix.h"

#include <algorithm>
#include <cstring>

#include "doctest/doctest.h"
#include "kernels/cpu/random_matrix.h"

using namespace mlxd::kernels::cpu;

namespace {

void check_rows(const RandomMatrix& matrix, const PackedMatrix& packed) {
  std::vector<float> row(matrix.format.columns);
  double worst = 0;
  for (int r = 0; r < matrix.format.rows; ++r) {
    packed.read_row(r, row.data());
    for (size_t c = 0; c < row.size(); ++c) {
      const size_t i = r * row.size() + c;
      worst = std::max(worst, std::abs(row[c] - matrix.values[i]) / matrix.coarse[i]);
    }
  }
  CHECK(worst < 2 * 0x1p-24);
}

}  // namespace

TEST_CASE("a packed matrix gives back every row") {
  std::mt19937 random(1);
  ThreadPool pool(2);
  for (int rows : {1, 15, 16, 17, 32, 33, 70}) {
    CAPTURE(rows);
    for (int group : {32, 64, 128}) {
      for (auto type : {ScaleType::f16, ScaleType::bf16, ScaleType::f32}) {
        for (int bits : {2, 3, 4, 5, 6, 8}) {
          CAPTURE(bits);
          CAPTURE(group);
          CAPTURE(int(type));
          const RandomMatrix matrix({rows, 3 * group, group, bits, type}, random);
          check_rows(matrix, matrix.pack(pool));
        }
      }
    }
    for (int columns : {32, 256}) {
      for (const MatrixFormat& format : float_formats(rows, columns)) {
        const RandomMatrix matrix(format, random);
        check_rows(matrix, matrix.pack(pool));
      }
    }
    for (auto type : {ScaleType::f16, ScaleType::bf16, ScaleType::f32}) {
      for (int columns : {1, 31, 130}) {
        const RandomMatrix matrix(dense_format(rows, columns, type), random);
        check_rows(matrix, matrix.pack(pool));
      }
    }
  }
}

TEST_CASE("a packed matrix takes the checkpoint's memory") {
  std::mt19937 random(2);
  ThreadPool pool(1);
  for (const MatrixFormat& format : formats(576, 1536, 64)) {
    CAPTURE(format.bits);
    const RandomMatrix matrix(format, random);
    const bool dense = format.encoding == Encoding::dense;
    const size_t stored = 4 * matrix.weight.size() +
                          (dense ? 0 : matrix.scales.bytes.size() + matrix.biases.bytes.size());
    CHECK(matrix.pack(pool).bytes() == stored);
  }
  const RandomMatrix eight({192, 576, 64, 8, ScaleType::bf16}, random);
  const size_t before = PackedMatrix::total_bytes();
  {
    const PackedMatrix packed = eight.pack(pool);
    CHECK(PackedMatrix::total_bytes() == before + packed.bytes());
  }
  CHECK(PackedMatrix::total_bytes() == before);
}

TEST_CASE("every 8-bit scale is read exactly") {
  for (uint32_t bits = 0; bits < 0x100; ++bits) {
    const uint8_t byte = static_cast<uint8_t>(bits);
    CHECK(read_scale(&byte, ScaleType::e4m3, 0) == decode_scale(bits, ScaleType::e4m3));
  }
}

TEST_CASE("every 16-bit scale is read exactly") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const uint16_t narrow[2] = {static_cast<uint16_t>(bits), 0xffff};
    for (auto type : {ScaleType::f16, ScaleType::bf16}) {
      const double expected = decode_scale(bits, type);
      const float got = read_scale(narrow, type, 0);
      if (std::isnan(expected) ? !std::isnan(got) : got != expected) {
        FAIL("bits ", bits, " type ", int(type), " read as ", got, " not ", expected);
      }
    }
  }
}

TEST_CASE("memory of weights is aligned, apart, and there as long as it is held") {
  struct Held {
    WeightMemory memory;
    size_t bytes;
    uint8_t value;
  };
  constexpr size_t kMany = size_t(20) << 20;  // two of them do not fit a chunk
  std::vector<Held> held;
  uint8_t value = 1;
  for (const size_t bytes : {size_t(1), size_t(65), kMany, size_t(1000), kMany, 3 * kMany}) {
    held.push_back({WeightMemory(bytes), bytes, value++});
    std::memset(held.back().memory.data(), held.back().value, bytes);
  }
  held.erase(held.begin());
  held.erase(held.begin() + 1);
  for (const auto& [memory, bytes, value] : held) {
    CHECK(reinterpret_cast<uintptr_t>(memory.data()) % 64 == 0);
    CHECK(size_t(std::count(memory.data(), memory.data() + bytes, value)) == bytes);
  }
}
