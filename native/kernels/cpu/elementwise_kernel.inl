// RMS norm and SwiGLU, once for all instruction sets and with the same bits on all of them.
// Included inside an unnamed namespace, as lanes.inl, which must come before.

// Up to 16 floats, the rest zero.
inline Lanes load_some(const float* from, int count) {
  float some[kLaneCount] = {};
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

// x / (1 + e^-x), by way of e^-|x| so that nothing overflows.
inline Register silu(Register x) {
  const Register e = exp_negative(x < 0.0f ? x : -x);
  const Register r = 1.0f / (1.0f + e);
  return x * (x < 0.0f ? e * r : r);
}

// gate = silu(gate) * up
void swiglu_run(float* gate, const float* up, int count) {
  int i = 0;
  for (; i + kRegisterLanes <= count; i += kRegisterLanes) {
    Register g, u;
    __builtin_memcpy(&g, gate + i, kRegisterBytes);
    __builtin_memcpy(&u, up + i, kRegisterBytes);
    g = silu(g) * u;
    __builtin_memcpy(gate + i, &g, kRegisterBytes);
  }
  if (i == count) return;
  float g_rest[kRegisterLanes] = {}, u_rest[kRegisterLanes] = {};
  for (int j = i; j < count; ++j) {
    g_rest[j - i] = gate[j];
    u_rest[j - i] = up[j];
  }
  swiglu_run(g_rest, u_rest, kRegisterLanes);
  for (int j = i; j < count; ++j) gate[j] = g_rest[j - i];
}
