#include "kernels/quantized_matrix.h"

#include <sstream>
#include <stdexcept>

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

bool is_cpu() { return mx::default_device() == mx::Device::cpu; }

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

}  // namespace

QuantizedMatrix::QuantizedMatrix(const mx::array& weight, const mx::array& scales,
                                 const mx::array& biases, int group_size, int bits)
    : rows_(0),
      columns_(0),
      group_size_(group_size),
      bits_(bits),
      weight_(weight),
      scales_(scales),
      biases_(biases) {
  check_format(group_size, bits);
  check_arrays(weight, scales, biases, group_size, bits);
  rows_ = weight.shape(0);
  columns_ = scales.shape(1) * group_size;
  mx::eval(weight_, scales_, biases_);
}

mx::array QuantizedMatrix::matmul(const mx::array& x) const {
  if (x.ndim() != 2 || x.shape(1) != columns_ || !mx::issubdtype(x.dtype(), mx::floating)) {
    refuse("input must be a float [T, " + std::to_string(columns_) + "], not " + describe(x) + ".");
  }
  // MLX's CPU kernel accumulates in the type of its operands.
  if (is_cpu()) {
    auto y = mx::quantized_matmul(mx::astype(x, mx::float32), weight_,
                                  mx::astype(scales_, mx::float32),
                                  mx::astype(biases_, mx::float32), true, group_size_, bits_);
    return mx::astype(y, x.dtype());
  }
  return mx::quantized_matmul(x, weight_, scales_, biases_, true, group_size_, bits_);
}

mx::array QuantizedMatrix::rows(const mx::array& ids) const {
  if (ids.ndim() != 1 || ids.dtype() != mx::int32) {
    refuse("row ids must be int32 [T], not " + describe(ids) + ".");
  }
  auto weight = mx::take(weight_, ids, 0);
  auto scales = mx::take(scales_, ids, 0);
  auto biases = mx::take(biases_, ids, 0);
  if (is_cpu()) {
    scales = mx::astype(scales, mx::float32);
    biases = mx::astype(biases, mx::float32);
  }
  return mx::dequantize(weight, scales, biases, group_size_, bits_);
}

size_t QuantizedMatrix::bytes() const {
  return weight_.nbytes() + scales_.nbytes() + biases_.nbytes();
}

}  // namespace mlxd::kernels
