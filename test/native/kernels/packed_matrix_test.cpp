// The packed layout: what goes in comes out, for every format and at every edge.
#include "kernels/cpu/packed_matrix.h"

#include "doctest/doctest.h"
#include "kernels/random_matrix.h"

using namespace mlxd::kernels::cpu;

TEST_CASE("a packed matrix gives back every row") {
  std::mt19937 random(1);
  ThreadPool pool(2);
  for (int bits : {4, 8}) {
    for (int group : {32, 64, 128}) {
      for (auto type : {ScaleType::f16, ScaleType::bf16, ScaleType::f32}) {
        for (int rows : {1, 15, 16, 17, 32, 33, 70}) {
          const RandomMatrix matrix({rows, 3 * group, group, bits, type}, random);
          const PackedMatrix packed = matrix.pack(pool);
          std::vector<float> row(3 * group);
          double worst = 0;
          for (int r = 0; r < rows; ++r) {
            packed.read_row(r, row.data());
            for (size_t c = 0; c < row.size(); ++c) {
              const size_t i = r * row.size() + c;
              worst = std::max(worst, std::abs(row[c] - matrix.values[i]) / matrix.coarse[i]);
            }
          }
          CAPTURE(bits);
          CAPTURE(group);
          CAPTURE(int(type));
          CAPTURE(rows);
          CHECK(worst < 2 * 0x1p-24);
        }
      }
    }
  }
}

TEST_CASE("a packed matrix takes the checkpoint's memory") {
  std::mt19937 random(2);
  ThreadPool pool(1);
  const RandomMatrix four({576, 1536, 32, 4, ScaleType::f16}, random);
  CHECK(four.pack(pool).bytes() == 576 * 1536 / 2 + 576 * 48 * 4);
  const RandomMatrix eight({192, 576, 64, 8, ScaleType::bf16}, random);
  const size_t before = PackedMatrix::total_bytes();
  {
    const PackedMatrix packed = eight.pack(pool);
    CHECK(packed.bytes() == 192 * 576 + 192 * 9 * 4);
    CHECK(PackedMatrix::total_bytes() == before + packed.bytes());
  }
  CHECK(PackedMatrix::total_bytes() == before);
}

TEST_CASE("only formats with kernels can be packed") {
  CHECK(can_pack({1, 32, 32, 4, ScaleType::f16}));
  CHECK(can_pack({1, 128, 128, 8, ScaleType::f32}));
  CHECK_FALSE(can_pack({1, 64, 64, 3, ScaleType::f16}));
  CHECK_FALSE(can_pack({1, 64, 16, 4, ScaleType::f16}));
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
