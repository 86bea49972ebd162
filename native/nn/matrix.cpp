// See matrix.h.
#include "nn/matrix.h"

#include <stdexcept>

namespace mlxd::nn {

namespace {

using kernels::ExpertMatrices;
using kernels::WeightMatrix;

mx::Shape with_columns(mx::Shape shape, int columns) {
  shape.push_back(columns);
  return shape;
}

// `Matrix` of shape [...rows, columns].
template <class Matrix>
Matrix take_quantized(const Weights& w, const mx::Shape& rows, int columns) {
  const auto scheme = w.scheme();
  if (!scheme) w.fail("is quantized in the checkpoint, but not according to config.json");
  const int group_size = scheme->group_size;
  if (columns % group_size != 0) {
    w.fail("has rows of " + std::to_string(columns) +
           " weights, not a multiple of its group size " + std::to_string(group_size));
  }
  const mx::Shape groups = with_columns(rows, columns / group_size);
  const auto packed_columns = static_cast<int>(int64_t{columns} * scheme->bits / 32);
  const mx::array weight = w.take("weight", with_columns(rows, packed_columns));
  const mx::array scales = w.take("scales", groups);
  std::optional<mx::array> biases;
  if (scheme->mode == QuantizationMode::affine) biases = w.take("biases", groups);
  return {weight, scales, biases, *scheme};
}

template <class Matrix>
Matrix take_dense(const Weights& w, const mx::Shape& rows, int columns) {
  const mx::array weight = w.take("weight", with_columns(rows, columns));
  return {weight, w.compute_dtype().value_or(weight.dtype())};
}

template <class Matrix>
Matrix take_any(const Weights& w, const mx::Shape& rows, int columns) {
  try {
    Matrix matrix = w.has("scales") ? take_quantized<Matrix>(w, rows, columns)
                                    : take_dense<Matrix>(w, rows, columns);
    w.count_memory(matrix.bytes());
    return matrix;
  } catch (const std::invalid_argument& error) {
    w.fail(std::string("cannot be used. ") + error.what());
  }
}

}  // namespace

WeightMatrix take_matrix(const Weights& w, int rows, int columns) {
  return take_any<WeightMatrix>(w, {rows}, columns);
}

ExpertMatrices take_experts(const Weights& w, int experts, int rows, int columns) {
  return take_any<ExpertMatrices>(w, {experts, rows}, columns);
}

}  // namespace mlxd::nn
