// See matrix.h.
#include "nn/matrix.h"

#include <stdexcept>

namespace mlxd::nn {

namespace {

using kernels::WeightMatrix;

WeightMatrix take_quantized(const Weights& w, int rows, int columns) {
  const auto scheme = w.scheme();
  if (!scheme) w.fail("is quantized in the checkpoint, but not according to config.json");
  const int group_size = scheme->group_size;
  if (columns % group_size != 0) {
    w.fail("has rows of " + std::to_string(columns) +
           " weights, not a multiple of its group size " + std::to_string(group_size));
  }
  const mx::Shape groups{rows, columns / group_size};
  const auto packed_columns = static_cast<int>(int64_t{columns} * scheme->bits / 32);
  const mx::array weight = w.take("weight", {rows, packed_columns});
  const mx::array scales = w.take("scales", groups);
  std::optional<mx::array> biases;
  if (scheme->mode == QuantizationMode::affine) biases = w.take("biases", groups);
  return {weight, scales, biases, *scheme};
}

WeightMatrix take_dense(const Weights& w, int rows, int columns) {
  const mx::array weight = w.take("weight", {rows, columns});
  return {weight, w.compute_dtype().value_or(weight.dtype())};
}

}  // namespace

WeightMatrix take_matrix(const Weights& w, int rows, int columns) {
  try {
    WeightMatrix matrix =
        w.has("scales") ? take_quantized(w, rows, columns) : take_dense(w, rows, columns);
    w.count_memory(matrix.bytes());
    return matrix;
  } catch (const std::invalid_argument& error) {
    w.fail(std::string("cannot be used. ") + error.what());
  }
}

}  // namespace mlxd::nn
