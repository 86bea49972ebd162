// Gated activations as operations: ours against MLX's.
#include "kernels/glu.h"

#include <stdexcept>

#include "doctest/doctest.h"
#include "kernels/settings.h"

namespace mx = mlx::core;
using namespace mlxd::kernels;

TEST_CASE("our gated activations are those of MLX's operations, of any layout") {
  const auto gate = mx::multiply(mx::random::normal({6, 5, 70}), mx::array(4.0f));
  const auto up = mx::multiply(mx::random::normal({70, 5, 6}), mx::array(4.0f));
  const auto turned = mx::transpose(up, {2, 1, 0});
  mx::eval(gate, up);
  for (const auto activation :
       {Activation::silu, Activation::gelu_tanh, Activation::gelu, Activation::clamped_silu}) {
    CAPTURE(static_cast<int>(activation));
    const auto ours = glu(activation, gate, turned);
    mx::eval(ours);
    set_kernels(KernelChoice::mlx);
    const auto theirs = glu(activation, gate, turned);
    mx::eval(theirs);
    set_kernels(KernelChoice::automatic);
    CHECK(mx::allclose(ours, theirs, 1e-5, 1e-5).item<bool>());
  }
}

TEST_CASE("a gated activation keeps a 16-bit type and refuses halves that differ") {
  const auto gate = mx::astype(mx::random::normal({2, 8}), mx::bfloat16);
  CHECK(glu(Activation::gelu_tanh, gate, gate).dtype() == mx::bfloat16);
  CHECK_THROWS_AS(glu(Activation::silu, gate, mx::zeros({2, 4}, mx::bfloat16)),
                  std::invalid_argument);
  CHECK_THROWS_AS(glu(Activation::silu, gate, mx::zeros({2, 8})), std::invalid_argument);
}

TEST_CASE("without a gate our activations and MLX's are the gated ones times one") {
  const auto x = mx::multiply(mx::random::normal({3, 1700}), mx::array(4.0f));
  for (const auto activation : {Activation::silu, Activation::gelu_tanh, Activation::gelu}) {
    const auto ours = activate(activation, mx::transpose(x));
    CHECK(mx::array_equal(ours, mx::transpose(glu(activation, x, mx::ones_like(x)))).item<bool>());
    set_kernels(KernelChoice::mlx);
    const auto theirs = activate(activation, mx::transpose(x));
    mx::eval(theirs);
    set_kernels(KernelChoice::automatic);
    CHECK(mx::max(mx::abs(mx::subtract(ours, theirs))).item<float>() < 1e-5f);
  }
  CHECK_THROWS_AS(activate(Activation::clamped_silu, x), std::invalid_argument);
}
