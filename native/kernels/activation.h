// The activations of gated MLPs, for all who are not kernels: plain data.
#pragma once

#include "kernels/cpu/activation.h"

namespace mlxd::kernels {

using cpu::Activation;

}  // namespace mlxd::kernels
