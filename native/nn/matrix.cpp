// See matrix.h.
#include "nn/matrix.h"

#include <stdexcept>

namespace mlxd::nn {

namespace {

using kernels::QuantizedMatrix;

QuantizedMatrix take_quantized(const Weights& w, int rows, int columns) {
  const auto scheme = w.scheme();
  if (!scheme) w.fail("is quantized in the checkpoint, but not according to config.json");
  const auto [group_size, bits] = *scheme;
  if (columns % group_size != 0) {
    w.fail("has rows of " + std::to_string(columns) +
           " weights, not a multiple of its group size " + std::to_string(group_size));
  }
  const mx::Shape groups{rows, columns / group_size};
  const auto packed_columns = static_cast<int>(int64_t{columns} * bits / 32);
  const mx::array weight = w.take("weight", {rows, packed_columns});
  const mx::array scales = w.take("scales", groups);
  const mx::array biases = w.take("biases", groups);
  try {
    QuantizedMatrix matrix(weight, scales, biases, group_size, bits);
    w.count_memory(matrix.bytes());
    return matrix;
  } catch (const std::invalid_argument& error) {
    w.fail(std::string("cannot be used. ") + error.what());
  }
}

std::variant<mx::array, QuantizedMatrix> take_matrix(const Weights& w, int rows, int columns) {
  if (w.has("scales")) return take_quantized(w, rows, columns);
  return w.take_dense("weight", {rows, columns});
}

}  // namespace

Matrix::Matrix(const Weights& w, int rows, int columns) : weight_(take_matrix(w, rows, columns)) {}

mx::array Matrix::matmul(const mx::array& x) const {
  if (const auto* quantized = std::get_if<QuantizedMatrix>(&weight_)) return quantized->matmul(x);
  return mx::matmul(x, mx::transpose(std::get<mx::array>(weight_)));
}

mx::array Matrix::rows(const mx::array& ids) const {
  if (const auto* quantized = std::get_if<QuantizedMatrix>(&weight_)) return quantized->rows(ids);
  return mx::take(std::get<mx::array>(weight_), ids, 0);
}

}  // namespace mlxd::nn
