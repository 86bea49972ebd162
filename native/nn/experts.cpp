// See experts.h.
#include "nn/experts.h"

#include "kernels/glu.h"

namespace mlxd::nn {

Experts::Experts(const Weights& w, const ExpertsShape& s, Bias bias)
    : gate_(w / "gate_proj", s.experts, s.inputs, s.intermediate, bias),
      up_(w / "up_proj", s.experts, s.inputs, s.intermediate, bias),
      down_(w / "down_proj", s.experts, s.intermediate, s.inputs, bias),
      activation_(s.activation) {}

mx::array Experts::operator()(const mx::array& x, const Routing& routing) const {
  const mx::array rows = mx::expand_dims(x, 1);  // [T, 1, inputs]
  const mx::array gate = gate_(rows, routing.experts), up = up_(rows, routing.experts);
  const mx::array y = down_(kernels::glu(activation_, gate, up), routing.experts);
  return mx::sum(y * mx::astype(mx::expand_dims(routing.weights, 2), y.dtype()), 1);
}

}  // namespace mlxd::nn
