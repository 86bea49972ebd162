// The passes over a whole vocabulary, once for all instruction sets and with the same bits on all
// of them. Included inside an unnamed namespace, as elementwise_kernel.inl, which must come before.

constexpr int kMaxBlock = 1024;

// The largest of kMaxBlock floats; -inf if there is none but NaN.
inline float largest_of_block(const float* x) {
  constexpr int kChains = 4;
  Lanes most[kChains];
  for (Lanes& lanes : most) {
    for (Register& lane : lanes.in) lane = Register{} - __builtin_inff();
  }
  for (int i = 0; i < kMaxBlock; i += kChains * kLaneCount) {
    MLXD_UNROLL for (int chain = 0; chain < kChains; ++chain) {
      Lanes next;
      next.load(x + i + chain * kLaneCount);
      most[chain].keep_larger(next);
    }
  }
  for (int chain = 1; chain < kChains; ++chain) most[0].keep_larger(most[chain]);
  float parts[kLaneCount];
  most[0].store(parts);
  float largest = parts[0];
  for (float part : parts) largest = part > largest ? part : largest;
  return largest;
}

int arg_max_row(const float* x, int count, float* largest) {
  *largest = -__builtin_inff();
  int first = 0;  // of the block that holds it
  int i = 0;
  for (; i + kMaxBlock <= count; i += kMaxBlock) {
    const float most = largest_of_block(x + i);
    if (most > *largest) {
      *largest = most;
      first = i;
    }
  }
  for (; i < count; ++i) {
    if (x[i] > *largest) {
      *largest = x[i];
      first = i;
    }
  }
  while (first < count && x[first] != *largest) ++first;
  return first < count ? first : 0;
}

// e^x of x <= 0, exactly zero where it is below the range of normal floats.
inline Lanes weights_of(const float* x, float shift, float scale) {
  Lanes lanes;
  lanes.load(x);
  MLXD_UNROLL for (Register& lane : lanes.in) {
    lane = (lane - shift) * scale;
    lane = lane < -87.0f ? Register{} : exp_negative(lane);
  }
  return lanes;
}

float weigh_run(const float* x, int count, float shift, float scale, float* weights) {
  Lanes sums;
  sums.clear();
  int i = 0;
  for (; i + kLaneCount <= count; i += kLaneCount) {
    const Lanes lanes = weights_of(x + i, shift, scale);
    lanes.store(weights + i);
    sums.add(lanes);
  }
  if (i < count) {
    float rest[kLaneCount];
    for (int j = 0; j < kLaneCount; ++j) rest[j] = i + j < count ? x[i + j] : -__builtin_inff();
    const Lanes lanes = weights_of(rest, shift, scale);
    lanes.store(rest);
    for (int j = i; j < count; ++j) weights[j] = rest[j - i];
    sums.add(lanes);
  }
  return sum_lanes(sums);
}

float sum_above(const float* weights, int count, float least) {
  constexpr int kChains = 4;
  Lanes sums[kChains];
  for (Lanes& lanes : sums) lanes.clear();
  const auto add = [least](Lanes& to, Lanes next) {
    MLXD_UNROLL for (Register& lane : next.in) lane = lane >= least ? lane : Register{};
    to.add(next);
  };
  int i = 0;
  for (; i + kChains * kLaneCount <= count; i += kChains * kLaneCount) {
    MLXD_UNROLL for (int chain = 0; chain < kChains; ++chain) {
      Lanes next;
      next.load(weights + i + chain * kLaneCount);
      add(sums[chain], next);
    }
  }
  for (; i < count; i += kLaneCount)
    add(sums[0], load_some(weights + i, count - i < kLaneCount ? count - i : kLaneCount));
  for (int chain = 1; chain < kChains; ++chain) sums[0].add(sums[chain]);
  return sum_lanes(sums[0]);
}
