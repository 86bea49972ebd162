#include "kernels/quantized_matrix.h"

#include <sstream>
#include <stdexcept>

#include "kernels/cpu_primitive.h"
#include "kernels/settings.h"

namespace mlxd::kernels {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw std::invalid_argument("Quantized matrix: " + reason);
}

std::string describe(const mx::array& a) {
  std::ostringstream text;
  text << a.shape() << " " << a.dtype();
  return text.str();
}

void check_format(int group_size, int bits) {
  if (bits < 2 || bits > 8 || bits == 7) {
    refuse("bits must be 2, 3, 4, 5, 6 or 8, not " + std::to_string(bits) + ".");
  }
  if (group_size != 32 && group_size != 64 && group_size != 128) {
    refuse("group size must be 32, 64 or 128, not " + std::to_string(group_size) + ".");
  }
}

void check_arrays(const mx::array& weight, const mx::array& scales, const mx::array& biases,
                  int group_size, int bits) {
  if (weight.dtype() != mx::uint32 || weight.ndim() != 2 || weight.size() == 0) {
    refuse("weight must be uint32 [N, K * bits / 32], not " + describe(weight) + ".");
  }
  if (scales.ndim() != 2 || !mx::issubdtype(scales.dtype(), mx::floating) ||
      scales.dtype() == mx::float64) {
    refuse("scales must be float16, bfloat16 or float32 [N, K / group], not " + describe(scales));
  }
  if (biases.shape() != scales.shape() || biases.dtype() != scales.dtype()) {
    refuse("biases " + describe(biases) + " do not match scales " + describe(scales) + ".");
  }
  int64_t columns = int64_t(scales.shape(1)) * group_size;
  if (scales.shape(0) != weight.shape(0) || columns * bits != int64_t(weight.shape(1)) * 32) {
    refuse("weight " + describe(weight) + " does not match scales " + describe(scales) + " at " +
           std::to_string(bits) + " bits and group size " + std::to_string(group_size) + ".");
  }
}

cpu::ScaleType scale_type(mx::Dtype type) {
  if (type == mx::float16) return cpu::ScaleType::f16;
  return type == mx::bfloat16 ? cpu::ScaleType::bf16 : cpu::ScaleType::f32;
}

SharedMatrix pack(const cpu::MatrixFormat& format, mx::array weight, mx::array scales,
                  mx::array biases) {
  for (auto* a : {&weight, &scales, &biases}) *a = mx::contiguous(*a);
  mx::eval(weight, scales, biases);
  return std::make_shared<const cpu::PackedMatrix>(format, weight.data<uint32_t>(),
                                                   scales.data<void>(), biases.data<void>(),
                                                   cpu::ThreadPool::shared());
}

}  // namespace

QuantizedMatrix::QuantizedMatrix(const mx::array& weight, const mx::array& scales,
                                 const mx::array& biases, int group_size, int bits)
    : rows_(0),
      columns_(0),
      group_size_(group_size),
      bits_(bits),
      precision_(kernels::precision()),
      data_(Unpacked{weight, scales, biases}) {
  check_format(group_size, bits);
  check_arrays(weight, scales, biases, group_size, bits);
  rows_ = weight.shape(0);
  columns_ = scales.shape(1) * group_size;
  const cpu::MatrixFormat format{rows_, columns_, group_size, bits, scale_type(scales.dtype())};
  if (use_own_kernels()) {
    data_ = pack(format, weight, scales, biases);
  } else {
    mx::eval(weight, scales, biases);
  }
}

mx::array QuantizedMatrix::matmul(const mx::array& x) const {
  if (x.ndim() != 2 || x.shape(1) != columns_ || !mx::issubdtype(x.dtype(), mx::floating)) {
    refuse("input must be a float [T, " + std::to_string(columns_) + "], not " + describe(x) + ".");
  }
  if (auto* packed = std::get_if<SharedMatrix>(&data_)) {
    return mx::astype(packed_matmul(*packed, mx::astype(x, mx::float32), precision_), x.dtype());
  }
  const auto& [weight, scales, biases] = std::get<Unpacked>(data_);
  if (!default_is_cpu())
    return mx::quantized_matmul(x, weight, scales, biases, true, group_size_, bits_);
  // MLX's CPU kernel accumulates in the type of its operands.
  auto y = mx::quantized_matmul(mx::astype(x, mx::float32), weight, mx::astype(scales, mx::float32),
                                mx::astype(biases, mx::float32), true, group_size_, bits_);
  return mx::astype(y, x.dtype());
}

mx::array QuantizedMatrix::rows(const mx::array& ids) const {
  if (ids.ndim() != 1 || ids.dtype() != mx::int32) {
    refuse("row ids must be int32 [T], not " + describe(ids) + ".");
  }
  if (auto* packed = std::get_if<SharedMatrix>(&data_)) return packed_rows(*packed, ids);
  const auto& [weight, scales, biases] = std::get<Unpacked>(data_);
  auto type = default_is_cpu() ? mx::float32 : scales.dtype();
  return mx::dequantize(mx::take(weight, ids, 0), mx::astype(mx::take(scales, ids, 0), type),
                        mx::astype(mx::take(biases, ids, 0), type), group_size_, bits_);
}

size_t QuantizedMatrix::bytes() const {
  if (auto* packed = std::get_if<SharedMatrix>(&data_)) return (*packed)->bytes();
  const auto& [weight, scales, biases] = std::get<Unpacked>(data_);
  return weight.nbytes() + scales.nbytes() + biases.nbytes();
}

}  // namespace mlxd::kernels
