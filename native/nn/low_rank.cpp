// See low_rank.h.
#include "nn/low_rank.h"

namespace mlxd::nn {

namespace {

// The transpose of `name`, times `scale`, in float32: adapters are small.
kernels::WeightMatrix take_part(const Weights& w, const char* name, const mx::Shape& shape,
                                float scale) {
  const mx::array part = w.take(name, shape);
  if (!mx::issubdtype(part.dtype(), mx::floating)) (w / name).fail("must be of a float type");
  const mx::array scaled = mx::astype(part, mx::float32) * mx::array(scale);
  const kernels::WeightMatrix matrix(mx::transpose(scaled), mx::float32);
  w.count_memory(matrix.bytes());
  return matrix;
}

}  // namespace

LowRank::LowRank(const Weights& w, int inputs, int outputs)
    : a_(take_part(w, "lora_a", {inputs, w.adapter().rank}, 1)),
      b_(take_part(w, "lora_b", {w.adapter().rank, outputs}, w.adapter().scale)) {}

mx::array LowRank::operator()(const mx::array& x) const {
  return mx::astype(b_.matmul(a_.matmul(mx::astype(x, mx::float32))), x.dtype());
}

}  // namespace mlxd::nn
