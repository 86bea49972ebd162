// Panel kernels in plain C++: the reference, and what a CPU without AVX2 runs. A "vector" is an
// array of 16 floats that the compiler vectorizes as far as the architecture's baseline goes.
#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

constexpr int kPrefetchBytes = 1024;

struct Scalar {
  static constexpr int kLanes = 16;
  static constexpr int kVectors = 1;
  struct Floats {
    float at[kLanes];
  };
  struct Bytes {
    uint32_t at[kLanes];
  };

  static Floats zero() { return {}; }
  static Floats broadcast(const float* x) {
    return make<Floats>([x](int) { return *x; });
  }
  static Floats fma(const Floats& a, const Floats& b, const Floats& c) {
    return make<Floats>([&](int i) { return a.at[i] * b.at[i] + c.at[i]; });
  }
  static void store(float* y, const Floats& a) { __builtin_memcpy(y, a.at, sizeof(a.at)); }
  static Bytes load_bytes(const uint8_t* p) {
    Bytes lanes;
    __builtin_memcpy(lanes.at, p, sizeof(lanes.at));
    return lanes;
  }

  template <int c>
  static Floats half(const Bytes& lanes) {
    constexpr int kShift = c < 4 ? 8 * c : 8 * (c - 4) + 4;
    return make<Floats>([&](int i) { return static_cast<float>(lanes.at[i] >> kShift & 0xf); });
  }

  template <int c>
  static Floats byte(const Bytes& lanes) {
    return make<Floats>([&](int i) { return static_cast<float>(lanes.at[i] >> 8 * c & 0xff); });
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    return make<Floats>([=](int i) { return read_scale(scales, type, i); });
  }

 private:
  template <class Vector, class Lane>
  static Vector make(const Lane& lane) {
    Vector vector;
    for (int i = 0; i < kLanes; ++i) vector.at[i] = lane(i);
    return vector;
  }
};

#include "kernels/cpu/panel_kernel.inl"

template <int bits>
constexpr PanelKernel kKernels[] = {panel_kernel<Scalar, bits, 1>, panel_kernel<Scalar, bits, 2>};

}  // namespace

const PanelKernels kScalarKernels{2, kKernels<4>, kKernels<8>};

}  // namespace mlxd::kernels::cpu
