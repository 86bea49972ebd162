// Panel kernels in plain C++: the reference, and what a CPU without AVX2 runs. A "vector" is an
// array of 16 that the compiler vectorizes as far as the architecture's baseline goes.
#include <utility>

#include "kernels/cpu/panel_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>  // for half.inl
#endif

namespace mlxd::kernels::cpu {
namespace {

#include "kernels/cpu/kernel_table.inl"

struct Scalar {
  static constexpr int kLanes = 16;
  static constexpr int kVectors = 1;
  static constexpr int kPrefetchBytes = 1024;
  template <class T>
  struct Vector {
    T at[kLanes];
  };
  using Floats = Vector<float>;
  using Ints = Vector<int32_t>;
  using Bytes = Vector<uint32_t>;

  static Floats zero_floats() { return {}; }
  static Ints zero_ints() { return {}; }
  static Floats broadcast(const float* x) {
    return make<float>([x](int) { return *x; });
  }
  static Ints broadcast_word(const void* x) {
    int32_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return make<int32_t>([word](int) { return word; });
  }
  static Floats to_floats(const Ints& a) {
    return make<float>([&](int i) { return static_cast<float>(a.at[i]); });
  }
  static void store(float* y, const Floats& a) { __builtin_memcpy(y, a.at, sizeof(a.at)); }
  static void store_bytes(uint8_t* p, const Bytes& a) { __builtin_memcpy(p, a.at, sizeof(a.at)); }
  static Bytes load_bytes(const uint8_t* p) {
    Bytes lanes;
    __builtin_memcpy(lanes.at, p, sizeof(lanes.at));
    return lanes;
  }

  static Floats add(const Floats& a, const Floats& b) {
    return make<float>([&](int i) { return a.at[i] + b.at[i]; });
  }
  static Floats multiply(const Floats& a, const Floats& b) {
    return make<float>([&](int i) { return a.at[i] * b.at[i]; });
  }
  static Floats multiply_add(const Floats& a, const Floats& b, const Floats& c) {
    return make<float>([&](int i) { return a.at[i] * b.at[i] + c.at[i]; });
  }
  // Slow where the CPU cannot do it, but called only twice a group.
  static Floats fused_multiply_add(const Floats& a, const Floats& b, const Floats& c) {
    return make<float>([&](int i) { return __builtin_fmaf(a.at[i], b.at[i], c.at[i]); });
  }

  template <int shift, int kept>
  static Bytes mask(const Bytes& lanes) {
    return make<uint32_t>([&](int i) {
      if constexpr (shift < 0) return lanes.at[i] << -shift & kept;
      return lanes.at[i] >> (shift > 0 ? shift : 0) & kept;
    });
  }
  static Bytes either(const Bytes& a, const Bytes& b) {
    return make<uint32_t>([&](int i) { return a.at[i] | b.at[i]; });
  }
  static Bytes e2m1(const Bytes& codes) {
    return make<uint32_t>([&](int i) {
      uint32_t values = 0;
      for (int shift = 0; shift < 32; shift += 8) {
        const float value = e2m1_to_float(codes.at[i] >> shift & 0xf);
        values |= static_cast<uint32_t>(2 * value + 12) << shift;
      }
      return values;
    });
  }

  template <int shift>
  static Floats half(const Bytes& lanes) {
    return make<float>([&](int i) { return static_cast<float>(lanes.at[i] >> shift & 0xf); });
  }

  template <int shift>
  static Floats byte(const Bytes& lanes) {
    return make<float>([&](int i) { return static_cast<float>(lanes.at[i] >> shift & 0xff); });
  }

  static Ints dot_pairs(const Bytes& w, const Ints& x, const Ints& sum) {
    return make<int32_t>([&](int i) {
      return sum.at[i] + static_cast<int16_t>(w.at[i]) * static_cast<int16_t>(x.at[i]) +
             static_cast<int16_t>(w.at[i] >> 16) * static_cast<int16_t>(x.at[i] >> 16);
    });
  }

  template <int bits>
  static Ints dot_bytes(const Bytes& w, const Ints& x, const Ints& sum) {
    return make<int32_t>([&](int i) {
      int32_t dot = sum.at[i];
      for (int shift = 0; shift < 32; shift += 8) {
        dot += static_cast<uint8_t>(w.at[i] >> shift) * static_cast<int8_t>(x.at[i] >> shift);
      }
      return dot;
    });
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    return make<float>([=](int i) { return read_scale(scales, type, i); });
  }

  static Bytes widen(const uint8_t* bytes) {
    return make<uint32_t>([=](int i) { return bytes[i]; });
  }

  template <int at>
  static Floats e4m3(const Bytes& lanes) {
    return make<float>(
        [&](int i) { return e4m3_to_float(static_cast<uint8_t>(lanes.at[i] >> at)); });
  }

  static Floats load_exponents(const uint8_t* exponents) {
    return make<float>([=](int i) { return e8m0_to_float(exponents[i]); });
  }

 private:
  template <class T, class Lane>
  static Vector<T> make(const Lane& lane) {
    Vector<T> vector;
    for (int i = 0; i < kLanes; ++i) vector.at[i] = lane(i);
    return vector;
  }
};

}  // namespace

const KernelTable kScalarKernels = make_table<Scalar, 2, 2>();

}  // namespace mlxd::kernels::cpu
