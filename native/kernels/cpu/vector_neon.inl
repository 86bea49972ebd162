// The vector type of panel_kernel.inl for 64-bit Arm, where NEON and FMA are always there. Included
// inside an unnamed namespace, by files compiled for it.

struct Neon {
  static constexpr int kLanes = 4;
  static constexpr int kVectors = 4;
  static constexpr int kPrefetchBytes = 1024;
  using Floats = float32x4_t;
  using Ints = int32x4_t;
  using Bytes = uint32x4_t;

  static Floats zero_floats() { return vdupq_n_f32(0); }
  static Ints zero_ints() { return vdupq_n_s32(0); }
  static Floats broadcast(const float* x) { return vld1q_dup_f32(x); }
  static Ints broadcast_word(const void* x) {
    int32_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return vdupq_n_s32(word);
  }
  static Floats to_floats(Ints a) { return vcvtq_f32_s32(a); }
  static void store(float* y, Floats a) { vst1q_f32(y, a); }
  static void store_bytes(uint8_t* p, Bytes a) { vst1q_u8(p, vreinterpretq_u8_u32(a)); }
  static Bytes load_bytes(const uint8_t* p) { return vreinterpretq_u32_u8(vld1q_u8(p)); }

  static Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
  static Floats multiply(Floats a, Floats b) { return vmulq_f32(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
  static Floats fused_multiply_add(Floats a, Floats b, Floats c) { return multiply_add(a, b, c); }

  template <int shift, int kept>
  static Bytes mask(Bytes lanes) {
    if constexpr (shift == 4 && kept == 0x0f0f0f0f) {
      return vreinterpretq_u32_u8(vshrq_n_u8(vreinterpretq_u8_u32(lanes), 4));
    }
    if constexpr (shift > 0) lanes = vshrq_n_u32(lanes, shift);
    if constexpr (shift < 0) lanes = vshlq_n_u32(lanes, -shift);
    return vandq_u32(lanes, vdupq_n_u32(kept));
  }
  static Bytes either(Bytes a, Bytes b) { return vorrq_u32(a, b); }
  static Bytes e2m1(Bytes codes) {
    alignas(16) static constexpr uint8_t kValues[] = {12, 13, 14, 15, 16, 18, 20, 24,
                                                      12, 11, 10, 9,  8,  6,  4,  0};
    return vreinterpretq_u32_u8(vqtbl1q_u8(vld1q_u8(kValues), vreinterpretq_u8_u32(codes)));
  }

  template <int shift>
  static Floats half(Bytes lanes) {
    return vcvtq_f32_u32(mask<shift, 0xf>(lanes));
  }

  template <int shift>
  static Floats byte(Bytes lanes) {
    return vcvtq_f32_u32(mask<shift, 0xff>(lanes));
  }

  static Ints dot_pairs(Bytes w, Ints x, Ints sum) {
    const int16x8_t a = vreinterpretq_s16_u32(w), b = vreinterpretq_s16_s32(x);
    const Ints low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
    return vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(a, b)));
  }

  template <int bits>
  static Ints dot_bytes(Bytes w, Ints x, Ints sum) {
    const int16x8_t both = vreinterpretq_s16_s32(x);
    const Ints even = vreinterpretq_s32_s16(vshrq_n_s16(vshlq_n_s16(both, 8), 8));
    const Ints odd = vreinterpretq_s32_s16(vshrq_n_s16(both, 8));
    return dot_pairs(mask<8, 0x00ff00ff>(w), odd, dot_pairs(mask<0, 0x00ff00ff>(w), even, sum));
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    if (type == ScaleType::f32) return vreinterpretq_f32_u8(vld1q_u8(scales));
    uint16x4_t bits = vreinterpret_u16_u8(vld1_u8(scales));
    if (type == ScaleType::f16) return vcvt_f32_f16(vreinterpret_f16_u16(bits));
    return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
  }

  static Bytes widen(const uint8_t* bytes) {
    uint32_t four;
    __builtin_memcpy(&four, bytes, sizeof(four));
    const uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    return vmovl_u16(vget_low_u16(wide));
  }

  template <int at>
  static Floats e4m3(Bytes lanes) {
    if constexpr (at < 24) lanes = vshlq_n_u32(lanes, 24 - at);
    const int32x4_t spread = vshrq_n_s32(vreinterpretq_s32_u32(lanes), 4);
    const int32x4_t bits = vandq_s32(spread, vdupq_n_s32(kFloat8Bits));
    return vmulq_n_f32(vreinterpretq_f32_s32(bits), kFloat8Unit);
  }

  static Floats load_exponents(const uint8_t* exponents) {
    const Bytes bits = vshlq_n_u32(widen(exponents), 23);
    return vreinterpretq_f32_u32(vmaxq_u32(bits, vdupq_n_u32(kSmallestExponent)));
  }
};
