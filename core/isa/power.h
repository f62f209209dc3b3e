// Powers of positive numbers with a negative exponent, by vectors.
#pragma once

#include "vector.h"

namespace striate::STRIATE_ISA {

// Away from zero, infinity, NaN and what is less than zero: for all else there is the definition, lane by lane.
inline bool is_usual(Vector d) {
  constexpr float low = 0x1p-60f, high = 0x1p60f;
#if defined(__AVX512F__)
  const __mmask16 above = _mm512_cmp_ps_mask(__m512(d), __m512(spread(low)), _CMP_GT_OQ);
  return _mm512_mask_cmp_ps_mask(above, __m512(d), __m512(spread(high)), _CMP_LT_OQ) == 0xffff;
#else
  const auto usual = (d > low) & (d < high);
  int all = -1;
  for (int i = 0; i < lanes; ++i) all &= usual[i];
  return all != 0;
#endif
}

inline Vector square_root(Vector d) {
#if defined(__AVX512F__)
  return Vector(_mm512_maskz_sqrt_ps(0xffff, __m512(d)));
#elif defined(__AVX__)
  return Vector(_mm256_sqrt_ps(__m256(d)));
#else
  Vector root;
  for (int i = 0; i < lanes; ++i) root[i] = __builtin_sqrtf(d[i]);
  return root;
#endif
}

// 1 / sqrt(d). To divide and to take a root take 16 cycles each of AVX-512's widest; a guess of 14 bits, and one of
// Newton's steps, two.
inline Vector inverse_root(Vector d) {
#if defined(__AVX512F__)
  const Vector guess = Vector(_mm512_maskz_rsqrt14_ps(0xffff, __m512(d)));
  const Vector part = guess * d;
  return guess + guess * 0.5f * (1.0f - part * guess);
#else
  return 1.0f / square_root(d);
#endif
}

// d ** -0.75, exact to about two units of the last place.
struct ThreeQuarters {
  Vector operator()(Vector d) const {
    const Vector root = inverse_root(d);
#if defined(__AVX512F__)
    return root * (root * inverse_root(root));
#else
    return root * square_root(root);
#endif
  }
};

// d ** -beta as 2 ** (-beta * log2(d)), in double precision: the logarithm's error grows with what it is multiplied by.
struct AnyPower {
  double beta;

  DoubleVector power(DoubleVector d) const {
    typedef long long Bits __attribute__((vector_size(vector_bytes)));
    // d = 2 ** exponent * part, part between 0.7 and 1.5.
    const Bits bits = Bits(d), from = 0x3fe6a09e667f3bcdLL - Bits{};
    const Bits steps = (bits - from) >> 52;
    const DoubleVector part = DoubleVector(bits - (steps << 52));
    const DoubleVector t = (part - 1.0) / (part + 1.0), t2 = t * t;
    DoubleVector series = t2 * (1.0 / 15) + 1.0 / 13;
    series = series * t2 + 1.0 / 11;
    series = series * t2 + 1.0 / 9;
    series = series * t2 + 1.0 / 7;
    series = series * t2 + 1.0 / 5;
    series = series * t2 + 1.0 / 3;
    series = series * t2 + 1.0;
    const DoubleVector exponent = __builtin_convertvector(steps, DoubleVector) + 2.885390081777927 * t * series;
    // 2 ** y, y = whole + rest, by the series of e ** (rest * ln 2). The sum with 1.5 * 2 ** 52 is a whole number.
    // Beyond the limits there is no such float.
    const DoubleVector limit = 1000.0 - DoubleVector{}, asked = exponent * -beta;
    const DoubleVector below = asked < limit ? asked : limit, y = below > -limit ? below : -limit;
    const DoubleVector shifted = y + 6755399441055744.0, whole = shifted - 6755399441055744.0;
    const DoubleVector z = (y - whole) * 0.6931471805599453;
    DoubleVector sum = z * (1.0 / 39916800) + 1.0 / 3628800;
    sum = sum * z + 1.0 / 362880;
    sum = sum * z + 1.0 / 40320;
    sum = sum * z + 1.0 / 5040;
    sum = sum * z + 1.0 / 720;
    sum = sum * z + 1.0 / 120;
    sum = sum * z + 1.0 / 24;
    sum = sum * z + 1.0 / 6;
    sum = sum * z + 0.5;
    sum = sum * z + 1.0;
    sum = sum * z + 1.0;
    return DoubleVector(Bits(sum) + (__builtin_convertvector(whole, Bits) << 52));
  }

  Vector operator()(Vector d) const {
    alignas(vector_bytes) float numbers[lanes];
    store(numbers, d);
    for (int i = 0; i < lanes; i += double_lanes) {
      auto* half = reinterpret_cast<NarrowVector*>(numbers + i);
      *half = __builtin_convertvector(power(__builtin_convertvector(*half, DoubleVector)), NarrowVector);
    }
    return load(numbers);
  }
};

// Where the quick way does not hold.
template <class Power>
Vector power(Vector d, float beta, const Power& quickly) {
  if (is_usual(d)) return quickly(d);
  for (int i = 0; i < lanes; ++i) d[i] = __builtin_powf(d[i], -beta);
  return d;
}

}  // namespace striate::STRIATE_ISA
