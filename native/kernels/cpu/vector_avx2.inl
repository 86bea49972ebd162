// The vector type of panel_kernel.inl for AVX2 with FMA and F16C. Included inside an unnamed
// namespace, by files compiled for them only.

struct Avx2 {
  static constexpr int kLanes = 8;
  static constexpr int kVectors = 2;
  static constexpr int kPrefetchBytes = 2048;
  using Floats = __m256;
  using Ints = __m256i;
  using Bytes = __m256i;

  static Floats zero_floats() { return _mm256_setzero_ps(); }
  static Ints zero_ints() { return _mm256_setzero_si256(); }
  static Floats broadcast(const float* x) { return _mm256_broadcast_ss(x); }
  static Ints broadcast_word(const void* x) {
    int32_t word;
    __builtin_memcpy(&word, x, sizeof(word));
    return _mm256_set1_epi32(word);
  }
  static Floats to_floats(Ints a) { return _mm256_cvtepi32_ps(a); }
  static void store(float* y, Floats a) { _mm256_storeu_ps(y, a); }
  static void store_bytes(uint8_t* p, Bytes a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a);
  }
  static Bytes load_bytes(const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }

  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats fused_multiply_add(Floats a, Floats b, Floats c) { return multiply_add(a, b, c); }

  template <int shift, int kept>
  static Bytes mask(Bytes lanes) {
    if constexpr (shift > 0) lanes = _mm256_srli_epi32(lanes, shift);
    if constexpr (shift < 0) lanes = _mm256_slli_epi32(lanes, -shift);
    return _mm256_and_si256(lanes, _mm256_set1_epi32(kept));
  }
  static Bytes either(Bytes a, Bytes b) { return _mm256_or_si256(a, b); }
  static Bytes e2m1(Bytes codes) {
    const __m128i values = _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), codes);
  }

  template <int shift>
  static Floats half(Bytes lanes) {
    return to_floats(mask<shift, 0xf>(lanes));
  }

  template <int shift>
  static Floats byte(Bytes lanes) {
    return to_floats(mask<shift, 0xff>(lanes));
  }

  static Ints dot_pairs(Bytes w, Ints x, Ints sum) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(w, x));
  }

  template <int bits>
  static Ints dot_bytes(Bytes w, Ints x, Ints sum) {
    if constexpr (bits < 8) {  // two products fit in 16 bits
      Ints pairs = _mm256_maddubs_epi16(w, x);
      return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    } else {
      Ints even = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
      Ints odd = _mm256_srai_epi16(x, 8);
      return dot_pairs(mask<8, 0x00ff00ff>(w), odd, dot_pairs(mask<0, 0x00ff00ff>(w), even, sum));
    }
  }

  static Floats load_scales(const uint8_t* scales, ScaleType type) {
    if (type == ScaleType::f32) return _mm256_loadu_ps(reinterpret_cast<const float*>(scales));
    __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales));
    if (type == ScaleType::f16) return _mm256_cvtph_ps(bits);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }

  static Bytes widen(const uint8_t* bytes) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
  }

  template <int at>
  static Floats e4m3(Bytes lanes) {
    if constexpr (at < 24) lanes = _mm256_slli_epi32(lanes, 24 - at);
    const Bytes bits =
        _mm256_and_si256(_mm256_srai_epi32(lanes, 4), _mm256_set1_epi32(kFloat8Bits));
    return _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(kFloat8Unit));
  }

  static Floats load_exponents(const uint8_t* exponents) {
    const Ints bits = _mm256_slli_epi32(widen(exponents), 23);
    return _mm256_castsi256_ps(_mm256_max_epi32(bits, _mm256_set1_epi32(kSmallestExponent)));
  }
};
