// Keys and values as integers: the rows that go into pages of KvType::i8 and i4.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/cpu/kv_page.h"
#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {

/// Some columns of a row: x ~ scale * q + bias. Both are the bits of a float16, rounded to nearest.
struct IntegerGroup {
  uint16_t scale;
  uint16_t bias;
};

/// `count` (1 or more) columns x -> integers 0 .. `levels` in `q`: the least x is the bias, a step
/// the `levels`th part of the range, and q = (x - bias) / scale in float32, rounded to nearest even
/// and clamped. What lies beyond float16 counts as its largest number; with a NaN all are NaN.
IntegerGroup to_integers(const float* x, int count, int levels, NarrowRow narrow, uint8_t* q);

/// Writes rows to places of pages, in the layout of KvPage. One thread.
class IntegerWriter {
 public:
  IntegerWriter(const KvFormat& format, NarrowRow narrow);

  void write_key(const float* x, uint8_t* keys, int place);
  void write_value(const float* x, uint8_t* values, int place);

 private:
  const KvFormat& format_;
  NarrowRow narrow_;
  int levels_;
  std::unique_ptr<uint8_t[]> integers_;  // of a row, a byte each; zeros past its columns
};

}  // namespace mlxd::kernels::cpu
