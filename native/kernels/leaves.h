// Leaves of nn/ as one operation each. The one place that says when that is so:
//   on a CPU, x float32, matrices packed, of one precision    one operation, these functions
//   anything else, and on a GPU                               the composition that nn/ spells out
// Results are those of the composition; a row's bits do not depend on the rows around it. Engine
// thread only.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "kernels/activation.h"
#include "kernels/norm.h"
#include "kernels/weight_matrix.h"

namespace mlxd::kernels {

/// x W^T + b, as somebody else holds W [N, K] and b [N], a float32 array in memory of its own; null
/// if there is none.
struct LinearLayer {
  const WeightMatrix& weight;
  const mx::array* bias;
  bool has_more;  // something is added that only the holder knows: no leaf takes the layer

  LinearLayer(const WeightMatrix& w, const mx::array* b = nullptr, bool more = false)
      : weight(w), bias(b), has_more(more) {}
};

using LinearLayers = std::initializer_list<LinearLayer>;

/// Whether the functions below take x and the layers together.
bool can_fuse(const mx::array& x, LinearLayers layers);

/// What is done to a layer's output before it joins the residual stream: first the norm if there is
/// one, then the scale.
struct Joining {
  std::optional<NormLayer> norm = {};
  float scale = 1;
};

/// x [T, K], residual [T, N] -> residual + scale * norm(layer(x)).
mx::array linear_add(const LinearLayer& layer, const mx::array& x, const mx::array& residual,
                     const Joining& joining = {});

/// Each of `layers` of the norm of x [T, K], or of x itself where there is none: [T, N] each.
std::vector<mx::array> norm_linears(const mx::array& x, const std::optional<NormLayer>& norm,
                                    LinearLayers layers);

/// With n the norm of x [T, K], or x itself: gate(n) activated with up(n), [T, N].
mx::array norm_glu(Activation activation, const mx::array& x, const std::optional<NormLayer>& norm,
                   const LinearLayer& gate, const LinearLayer& up);

}  // namespace mlxd::kernels
