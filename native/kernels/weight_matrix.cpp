#include "kernels/weight_matrix.h"

#include <sstream>
#include <stdexcept>
#include <vector>

#include "kernels/cpu_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw std::invalid_argument("Weight matrix: " + reason);
}

std::string describe(const mx::array& a) {
  std::ostringstream text;
  text << a.shape() << " " << a.dtype();
  return text.str();
}

bool is_float(const mx::array& a) {
  return mx::issubdtype(a.dtype(), mx::floating) && a.dtype() != mx::float64;
}

void check_scheme(const QuantizationScheme& scheme) {
  const auto [group_size, bits, mode] = scheme;
  if (mode != QuantizationMode::affine) {
    const QuantizationScheme right = float_scheme(mode);
    if (scheme == right) return;
    refuse(std::string(mode_name(mode)) + " has " + std::to_string(right.bits) +
           " bits and groups of " + std::to_string(right.group_size) + ".");
  }
  if (bits < 2 || bits > 8 || bits == 7) {
    refuse("bits must be 2, 3, 4, 5, 6 or 8, not " + std::to_string(bits) + ".");
  }
  if (group_size != 32 && group_size != 64 && group_size != 128) {
    refuse("group size must be 32, 64 or 128, not " + std::to_string(group_size) + ".");
  }
}

void check_scales(const mx::array& scales, const std::optional<mx::array>& biases,
                  QuantizationMode mode) {
  if (mode != QuantizationMode::affine) {
    const std::string name = mode_name(mode);
    if (scales.ndim() != 2 || scales.dtype() != mx::uint8) {
      refuse("scales of " + name + " must be uint8 [N, K / group], not " + describe(scales) + ".");
    }
    if (biases) refuse(name + " has no biases.");
    return;
  }
  if (scales.ndim() != 2 || !is_float(scales)) {
    refuse("scales must be float16, bfloat16 or float32 [N, K / group], not " + describe(scales));
  }
  if (!biases || biases->shape() != scales.shape() || biases->dtype() != scales.dtype()) {
    refuse("biases " + (biases ? describe(*biases) : "that are not there") +
           " do not match scales " + describe(scales) + ".");
  }
}

void check_arrays(const mx::array& weight, const mx::array& scales,
                  const std::optional<mx::array>& biases, const QuantizationScheme& scheme) {
  check_scheme(scheme);
  if (weight.dtype() != mx::uint32 || weight.ndim() != 2 || weight.size() == 0) {
    refuse("weight must be uint32 [N, K * bits / 32], not " + describe(weight) + ".");
  }
  check_scales(scales, biases, scheme.mode);
  const int64_t columns = int64_t(scales.shape(1)) * scheme.group_size;
  if (scales.shape(0) != weight.shape(0) ||
      columns * scheme.bits != int64_t(weight.shape(1)) * 32) {
    refuse("weight " + describe(weight) + " does not match scales " + describe(scales) + " at " +
           std::to_string(scheme.bits) + " bits and group size " +
           std::to_string(scheme.group_size) + ".");
  }
}

cpu::ScaleType scale_type(mx::Dtype type) {
  if (type == mx::float16) return cpu::ScaleType::f16;
  return type == mx::bfloat16 ? cpu::ScaleType::bf16 : cpu::ScaleType::f32;
}

cpu::MatrixFormat packed_format(int rows, int columns, const QuantizationScheme& scheme,
                                mx::Dtype scales) {
  switch (scheme.mode) {
    case QuantizationMode::mxfp4:
      return cpu::mxfp4_format(rows, columns);
    case QuantizationMode::mxfp8:
      return cpu::mxfp8_format(rows, columns);
    case QuantizationMode::nvfp4:
      return cpu::nvfp4_format(rows, columns);
    case QuantizationMode::affine:
      break;
  }
  return {rows, columns, scheme.group_size, scheme.bits, scale_type(scales)};
}

// `arrays`: weight, scales, biases, those that the format has.
SharedMatrix pack(const cpu::MatrixFormat& format, std::vector<mx::array> arrays) {
  const void* data[3] = {};
  for (mx::array& array : arrays) array = mx::contiguous(array);
  mx::eval(arrays);
  for (size_t i = 0; i < arrays.size(); ++i) data[i] = arrays[i].data<void>();
  return std::make_shared<const cpu::PackedMatrix>(format, data[0], data[1], data[2],
                                                   cpu::ThreadPool::shared());
}

}  // namespace

WeightMatrix::WeightMatrix(const mx::array& weight, mx::Dtype type)
    : rows_(0), columns_(0), precision_(kernels::precision()), data_(Dense{weight}) {
  if (weight.ndim() != 2 || weight.size() == 0 || !is_float(weight)) {
    refuse("weight must be float16, bfloat16 or float32 [N, K], not " + describe(weight) + ".");
  }
  rows_ = weight.shape(0);
  columns_ = weight.shape(1);
  const Dense cast{mx::astype(weight, type)};
  data_ = cast;
  if (use_own_kernels()) {
    hold(cpu::dense_format(rows_, columns_, scale_type(weight.dtype())), {weight});
  } else {
    hold({cast.weight});
  }
}

WeightMatrix::WeightMatrix(const mx::array& weight, const mx::array& scales,
                           const std::optional<mx::array>& biases, const QuantizationScheme& scheme)
    : rows_(0),
      columns_(0),
      precision_(kernels::precision()),
      data_(Quantized{weight, scales, biases, scheme}) {
  check_arrays(weight, scales, biases, scheme);
  rows_ = weight.shape(0);
  columns_ = scales.shape(1) * scheme.group_size;
  std::vector<mx::array> arrays{weight, scales};
  if (biases) arrays.push_back(*biases);
  if (!use_own_kernels()) {
    hold(arrays);
  } else {
    hold(packed_format(rows_, columns_, scheme, scales.dtype()), arrays);
  }
}

void WeightMatrix::hold(const std::vector<mx::array>& arrays) {
  bytes_ = 0;
  for (const mx::array& array : arrays) bytes_ += array.nbytes();
  if (!measuring()) mx::eval(arrays);
}

void WeightMatrix::hold(const cpu::MatrixFormat& format, const std::vector<mx::array>& arrays) {
  bytes_ = cpu::PackedLayout(format).bytes();
  if (!measuring()) data_ = pack(format, arrays);
}

mx::array WeightMatrix::matmul(const mx::array& x) const {
  if (x.ndim() != 2 || x.shape(1) != columns_ || !mx::issubdtype(x.dtype(), mx::floating)) {
    refuse("input must be a float [T, " + std::to_string(columns_) + "], not " + describe(x) + ".");
  }
  if (auto* packed = std::get_if<SharedMatrix>(&data_)) {
    return mx::astype(packed_matmul(*packed, mx::astype(x, mx::float32), precision_), x.dtype());
  }
  if (auto* dense = std::get_if<Dense>(&data_)) {
    return mx::matmul(x, mx::transpose(dense->weight));
  }
  auto [weight, scales, biases, scheme] = std::get<Quantized>(data_);
  mx::array input = x;
  if (default_is_cpu()) {  // MLX's CPU kernel accumulates in the type of its operands
    input = mx::astype(x, mx::float32);
    if (biases) scales = mx::astype(scales, mx::float32);
    if (biases) biases = mx::astype(*biases, mx::float32);
  }
  const auto y = mx::quantized_matmul(input, weight, scales, biases, true, scheme.group_size,
                                      scheme.bits, mode_name(scheme.mode));
  return mx::astype(y, x.dtype());
}

mx::array WeightMatrix::rows(const mx::array& ids) const {
  if (ids.ndim() != 1 || ids.dtype() != mx::int32) {
    refuse("row ids must be int32 [T], not " + describe(ids) + ".");
  }
  if (auto* packed = std::get_if<SharedMatrix>(&data_)) return packed_rows(*packed, ids);
  if (auto* dense = std::get_if<Dense>(&data_)) return mx::take(dense->weight, ids, 0);
  const auto& [weight, all_scales, all_biases, scheme] = std::get<Quantized>(data_);
  // Affine values are computed in the type of their scales.
  const auto type = default_is_cpu() ? std::optional(mx::float32) : std::nullopt;
  mx::array scales = mx::take(all_scales, ids, 0);
  std::optional<mx::array> biases;
  if (all_biases) {
    scales = mx::astype(scales, type.value_or(scales.dtype()));
    biases = mx::astype(mx::take(*all_biases, ids, 0), scales.dtype());
  }
  return mx::dequantize(mx::take(weight, ids, 0), scales, biases, scheme.group_size, scheme.bits,
                        mode_name(scheme.mode), std::nullopt, type);
}

}  // namespace mlxd::kernels
