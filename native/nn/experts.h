// The experts of a mixture: gated MLPs, of which each token goes through some.
#pragma once

#include "kernels/activation.h"
#include "nn/router.h"
#include "nn/switch_linear.h"

namespace mlxd::nn {

struct ExpertsShape {
  int experts;
  int inputs;
  int intermediate;
  kernels::Activation activation;
};

class Experts {
 public:
  /// Takes `gate_proj`, `up_proj` and `down_proj` of `w`.
  Experts(const Weights& w, const ExpertsShape& shape, Bias bias = Bias::if_present);

  /// x [T, inputs] -> what the experts of each token make of it, by their weights: [T, inputs].
  mx::array operator()(const mx::array& x, const Routing& routing) const;

 private:
  SwitchLinear gate_, up_, down_;
  kernels::Activation activation_;
};

}  // namespace mlxd::nn
