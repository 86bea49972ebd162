// float16 in memory, float32 in registers, the same bits by whatever the CPU has for it. Included
// by lanes.inl.

constexpr float kLargestHalf = 65504;

#if defined(__AVX512F__)
inline Register widen(const uint16_t* halves) {
  __m256i bits;
  __builtin_memcpy(&bits, halves, sizeof(bits));
  return (Register)_mm512_cvtph_ps(bits);
}
inline void narrow(Register x, uint16_t* out) {
  const __m256i bits = _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __builtin_memcpy(out, &bits, sizeof(bits));
}
#elif defined(__F16C__)
inline Register widen(const uint16_t* halves) {
  __m128i bits;
  __builtin_memcpy(&bits, halves, sizeof(bits));
  return (Register)_mm256_cvtph_ps(bits);
}
inline void narrow(Register x, uint16_t* out) {
  const __m128i bits = _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __builtin_memcpy(out, &bits, sizeof(bits));
}
#elif defined(__aarch64__)
inline Register widen(const uint16_t* halves) {
  return (Register)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}
inline void narrow(Register x, uint16_t* out) {
  vst1_u16(out, vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t)x)));
}
#else
typedef uint16_t HalfRegister __attribute__((vector_size(kRegisterBytes / 2)));

// Exponent and mantissa moved to float32's places make x * 2^-112, denormals too.
inline Register widen(const uint16_t* halves) {
  HalfRegister half;
  __builtin_memcpy(&half, halves, sizeof(half));
  const IntRegister bits = __builtin_convertvector(half, IntRegister);
  const IntRegister magnitude = (bits & 0x7fff) << 13;
  const IntRegister finite = (IntRegister)((Register)magnitude * 0x1p112f);
  const IntRegister not_finite = magnitude | 0x7f800000;
  const IntRegister value = magnitude >= 0x0f800000 ? not_finite : finite;
  return (Register)(value | (bits & 0x8000) << 16);
}
inline void narrow(Register x, uint16_t* out) {
  const IntRegister bits = (IntRegister)x, magnitude = bits & 0x7fffffff;
  // Adding 0.5 leaves multiples of 2^-24, the denormals' unit, in the low bits.
  const IntRegister denormal = (IntRegister)((Register)magnitude + 0.5f) - 0x3f000000;
  const IntRegister normal = (magnitude - (112 << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  IntRegister half = magnitude < 0x38800000 ? denormal : normal;
  half = magnitude > 0x7f800000 ? IntRegister{} + 0x7e00 : half;
  half |= (bits >> 16) & 0x8000;
  for (int i = 0; i < kRegisterLanes; ++i) out[i] = static_cast<uint16_t>(half[i]);
}
#endif

void narrow_row(const float* x, int count, uint16_t* out) {
  for (int i = 0; i < count; i += kRegisterLanes) {
    const int some = count - i < kRegisterLanes ? count - i : kRegisterLanes;
    float from[kRegisterLanes] = {};
    uint16_t to[kRegisterLanes];
    __builtin_memcpy(from, x + i, some * sizeof(float));
    Register value;
    __builtin_memcpy(&value, from, sizeof(value));
    value = value > kLargestHalf ? Register{} + kLargestHalf : value;
    value = value < -kLargestHalf ? Register{} - kLargestHalf : value;
    narrow(value, to);
    __builtin_memcpy(out + i, to, some * sizeof(uint16_t));
  }
}
