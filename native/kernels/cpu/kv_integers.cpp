#include "kernels/cpu/kv_integers.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu/scale_type.h"

namespace mlxd::kernels::cpu {
namespace {

constexpr float kLargestHalf = 65504;
constexpr uint16_t kNotANumber = 0x7e00;

void put_half(uint8_t* halves, size_t index, uint16_t bits) {
  std::memcpy(halves + 2 * index, &bits, sizeof(bits));
}

}  // namespace

IntegerGroup to_integers(const float* x, int count, int levels, NarrowRow narrow, uint8_t* q) {
  const auto finite = [](float value) { return std::clamp(value, -kLargestHalf, kLargestHalf); };
  if (std::any_of(x, x + count, [](float value) { return std::isnan(value); })) {
    std::fill_n(q, count, uint8_t{0});
    return {kNotANumber, kNotANumber};
  }
  const auto [least, most] = std::minmax_element(x, x + count);
  const float wanted[] = {(finite(*most) - finite(*least)) / static_cast<float>(levels),
                          finite(*least)};
  uint16_t bits[2];
  narrow(wanted, 2, bits);
  const float scale = f16_to_float(bits[0]), bias = f16_to_float(bits[1]);
  for (int i = 0; i < count; ++i) {
    const float steps = scale > 0 ? (finite(x[i]) - bias) / scale : 0;
    q[i] = static_cast<uint8_t>(std::clamp(std::nearbyint(steps), 0.0f, float(levels)));
  }
  return {bits[0], bits[1]};
}

IntegerWriter::IntegerWriter(const KvFormat& format, NarrowRow narrow)
    : format_(format),
      narrow_(narrow),
      levels_((1 << format.bits()) - 1),
      integers_(std::make_unique<uint8_t[]>((format.value_width() + 31) / 32 * 32)) {}

void IntegerWriter::write_key(const float* x, uint8_t* keys, int place) {
  const int dim = format_.dim, groups = format_.key_groups();
  const int block = place / kBlockKeys, lane = place % kBlockKeys;
  for (int group = 0; group < groups; ++group) {
    const int from = group * kKeyGroup, count = std::min(kKeyGroup, dim - from);
    const auto [scale, bias] = to_integers(x + from, count, levels_, narrow_, &integers_[from]);
    const size_t index = (size_t(block) * groups + group) * kBlockKeys + lane;
    put_half(keys + format_.key_scales(), index, scale);
    put_half(keys + format_.key_scales(), size_t(kPagePositions) * groups + index, bias);
  }
  if (format_.type == KvType::i8) {
    uint8_t* to = keys + size_t(block) * dim * kBlockKeys + lane;
    for (int d = 0; d < dim; ++d) to[d * kBlockKeys] = integers_[d];
  } else {
    uint8_t* to = keys + size_t(block) * (dim / 2) * kBlockKeys + lane;
    for (int pair = 0; pair < dim / 2; ++pair) {
      to[pair * kBlockKeys] = integers_[2 * pair] | integers_[2 * pair + 1] << 4;
    }
  }
}

void IntegerWriter::write_value(const float* x, uint8_t* values, int place) {
  const auto [scale, bias] = to_integers(x, format_.dim, levels_, narrow_, integers_.get());
  put_half(values + format_.value_scales(), place, scale);
  put_half(values + format_.value_scales(), kPagePositions + place, bias);
  uint8_t* to = values + size_t(place) * format_.value_bytes();
  if (format_.type == KvType::i8) {
    std::memcpy(to, integers_.get(), format_.value_bytes());
    return;
  }
  for (int i = 0; i < format_.value_bytes(); ++i) {
    const int column = i / 16 * 32 + i % 16;
    to[i] = integers_[column] | integers_[column + 16] << 4;
  }
}

}  // namespace mlxd::kernels::cpu
