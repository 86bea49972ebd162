// The vector type of panel_kernel.inl for AVX-512 (F, BW, DQ, VL). Included inside an unnamed
// namespace, by files compiled for it only.

struct Avx512 {
  static constexpr int kLanes = 16;
  static constexpr int kVectors = 2;
  static constexpr int kPrefetchBytes = 3072;
  using Floats = __m512;
  using Ints = __m512i;
  using Bytes = __m512i;

  static Floats zero_floats() { return _mm512_setzero_ps(); }
  static Ints zero_ints() { return _mm512_setzero_si512(); }
  static Floats broadcast(const float* x) { return _mm512_set1_ps(*x); }
  static Ints broadcast_word(const void* x) {
    int32_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return _mm512_set1_epi32(word);
  }
  // Not by its intrinsic, for which GCC 12 warns of what is not there.
  static Floats to_floats(Ints a) { return __builtin_convertvector((__v16si)a, __v16sf); }
  static void store(float* y, Floats a) { _mm512_storeu_ps(y, a); }
  static void store_bytes(uint8_t* p, Bytes a) { _mm512_storeu_si512(p, a); }
  static Bytes load_bytes(const uint8_t* p) { return _mm512_loadu_si512(p); }

  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats fused_multiply_add(Floats a, Floats b, Floats c) { return multiply_add(a, b, c); }

  template <int shift, int kept>
  static Bytes mask(Bytes lanes) {
    if constexpr (shift > 0) lanes = _mm512_srli_epi32(lanes, shift);
    if constexpr (shift < 0) lanes = _mm512_slli_epi32(lanes, -shift);
    return _mm512_and_si512(lanes, _mm512_set1_epi32(kept));
  }
  static Bytes either(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  static Bytes e2m1(Bytes codes) {
    const __m128i values = _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), codes);
  }

  // A permute reads only the low four bits of each index: the float of a half in one operation.
  template <int shift>
  static Floats half(Bytes lanes) {
    const Floats values = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_permutexvar_ps(_mm512_srli_epi32(lanes, shift), values);
  }

  template <int shift>
  static Floats byte(Bytes lanes) {
    return to_floats(shift == 24 ? _mm512_srli_epi32(lanes, shift) : mask<shift, 0xff>(lanes));
  }

  static Ints dot_pairs(Bytes w, Ints x, Ints sum) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(w, x));
  }

  template <int bits>
  static Ints dot_bytes(Bytes w, Ints x, Ints sum) {
    if constexpr (bits < 8) {  // two products fit in 16 bits
      Ints pairs = _mm512_maddubs_epi16(w, x);
      return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
    } else {
      Ints even = _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8);
      Ints odd = _mm512_srai_epi16(x, 8);
      return dot_pairs(mask<8, 0x00ff00ff>(w), odd, dot_pairs(mask<0, 0x00ff00ff>(w), even, sum));
    }
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    if (type == ScaleType::f32) return _mm512_loadu_ps(scales);
    __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales));
    if (type == ScaleType::f16) return _mm512_cvtph_ps(bits);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }

  static Bytes widen(const uint8_t* bytes) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
  }

  template <int at>
  static Floats e4m3(Bytes lanes) {
    if constexpr (at < 24) lanes = _mm512_slli_epi32(lanes, 24 - at);
    const Bytes bits =
        _mm512_and_si512(_mm512_srai_epi32(lanes, 4), _mm512_set1_epi32(kFloat8Bits));
    return _mm512_mul_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(kFloat8Unit));
  }

  static Floats load_exponents(const uint8_t* exponents) {
    const Ints bits = _mm512_slli_epi32(widen(exponents), 23);
    return _mm512_castsi512_ps(_mm512_max_epi32(bits, _mm512_set1_epi32(kSmallestExponent)));
  }
};
