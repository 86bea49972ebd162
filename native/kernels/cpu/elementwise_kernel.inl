// Norms and gated activations, once for all instruction sets and with the same bits on all of them.
// Included inside an unnamed namespace, as lanes.inl, which must come before.

// Up to 16 floats, the rest `filler`.
inline Lanes load_some(const float* from, int count, float filler = 0) {
  float some[kLaneCount];
  for (float& lane : some) lane = filler;
  for (int i = 0; i < count; ++i) some[i] = from[i];
  Lanes lanes;
  lanes.load(some);
  return lanes;
}

void rms_norm_row(const float* x, const float* weight, int width, float eps, float* out) {
  Lanes squares;
  squares.clear();
  int i = 0;
  for (; i + kLaneCount <= width; i += kLaneCount) {
    Lanes next;
    next.load(x + i);
    squares.add_product(next, next);
  }
  if (i < width) {
    const Lanes next = load_some(x + i, width - i);
    squares.add_product(next, next);
  }
  const float mean = sum_lanes(squares) / static_cast<float>(width);
  const float scale = 1 / __builtin_sqrtf(mean + eps);
  for (int j = 0; j < width; ++j) out[j] = x[j] * scale * weight[j];
}

// `weight` and `bias` may be null.
void layer_norm_row(const float* x, const float* weight, const float* bias, int width, float eps,
                    float* out) {
  const auto sum = [&](float filler, const auto& add) {
    Lanes sums;
    sums.clear();
    int i = 0;
    for (; i + kLaneCount <= width; i += kLaneCount) {
      Lanes next;
      next.load(x + i);
      add(sums, next);
    }
    if (i < width) add(sums, load_some(x + i, width - i, filler));
    return sum_lanes(sums);
  };
  const float mean =
      sum(0, [](Lanes& sums, const Lanes& next) { sums.add(next); }) / static_cast<float>(width);
  const float squares = sum(mean, [mean](Lanes& sums, Lanes next) {
    next.shift(-mean);
    sums.add_product(next, next);
  });
  const float scale = 1 / __builtin_sqrtf(squares / static_cast<float>(width) + eps);
  for (int j = 0; j < width; ++j) {
    const float normed = (x[j] - mean) * scale * (weight ? weight[j] : 1);
    out[j] = bias ? normed + bias[j] : normed;
  }
}

// 1 / (1 + e^-x), by way of e^-|x| so that nothing overflows.
inline Register sigmoid(Register x) {
  const Register e = exp_negative(x < 0.0f ? x : -x);
  const Register r = 1.0f / (1.0f + e);
  return x < 0.0f ? e * r : r;
}

inline Register silu(Register x) { return x * sigmoid(x); }

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), since 0.5 (1 + tanh u) = 1 / (1 + e^-2u).
inline Register gelu_tanh(Register x) {
  return x * sigmoid(1.59576912f * (x + 0.044715f * (x * x * x)));
}

// 0.5 x (1 + erf(x / sqrt 2)). e^(z^2) erfc(z) is t times a polynomial of t = 1 / (1 + 0.4 z) to
// 9e-9: Chebyshev interpolation over z from 0 to 97.
inline Register gelu(Register x) {
  constexpr float kPolynomial[] = {-0.029522735f,  0.142166344f,  -0.23963192f, 0.143022378f,
                                   -0.0513286693f, 0.0861765255f, 0.118290902f, 0.171875122f,
                                   0.207599698f,   0.225676524f,  0.225675825f};
  const Register size = x < 0.0f ? -x : x;
  const Register t = 1.0f / (1.0f + 0.282842712f * size);
  Register p = Register{} + kPolynomial[0];
  for (int i = 1; i < 11; ++i) p = p * t + kPolynomial[i];
  const Register tail = 0.5f * (p * t) * exp_negative(-0.5f * (x * x));  // of the normal curve
  return x * (x < 0.0f ? tail : 1.0f - tail);
}

template <Register (*activate)(Register)>
inline Register gated(Register gate, Register up) {
  return activate(gate) * up;
}

inline Register clamped_silu(Register gate, Register up) {
  gate = gate > 7.0f ? Register{} + 7.0f : gate;
  up = up > 7.0f ? Register{} + 7.0f : up < -7.0f ? Register{} - 7.0f : up;
  return gate * sigmoid(1.702f * gate) * (up + 1.0f);
}

// gate = join(gate, up)
template <Register (*join)(Register, Register)>
void glu_run(float* gate, const float* up, int count) {
  int i = 0;
  for (; i + kRegisterLanes <= count; i += kRegisterLanes) {
    Register g, u;
    __builtin_memcpy(&g, gate + i, kRegisterBytes);
    __builtin_memcpy(&u, up + i, kRegisterBytes);
    g = join(g, u);
    __builtin_memcpy(gate + i, &g, kRegisterBytes);
  }
  if (i == count) return;
  float g_rest[kRegisterLanes] = {}, u_rest[kRegisterLanes] = {};
  for (int j = i; j < count; ++j) {
    g_rest[j - i] = gate[j];
    u_rest[j - i] = up[j];
  }
  glu_run<join>(g_rest, u_rest, kRegisterLanes);
  for (int j = i; j < count; ++j) gate[j] = g_rest[j - i];
}
