// Powers of e and their kin, by vectors, to about two units of the last place.
#pragma once

#include "vector.h"

namespace striate::STRIATE_ISA {

typedef int Integers __attribute__((vector_size(vector_bytes)));

inline Vector greater(Vector a, Vector b) { return a > b ? a : b; }
inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }
inline Vector magnitude(Vector value) { return Vector(Integers(value) & 0x7fffffff); }

// e ** x. What is beyond a float is the last that there is; what is undefined stays so.
inline Vector exponential(Vector x) {
  const Vector bounded = x > 88.3f ? spread(88.3f) : x < -87.3f ? spread(-87.3f) : x;
  // x = whole * ln 2 + rest: the sum with 1.5 * 2 ** 23 is a whole number.
  const Vector shifted = bounded * 1.44269504f + 12582912.0f, whole = shifted - 12582912.0f;
  const Vector rest = (bounded - whole * 0.693359375f) + whole * 2.12194440e-4f;
  Vector sum = rest * 1.9875691500e-4f + 1.3981999507e-3f;
  sum = sum * rest + 8.3334519073e-3f;
  sum = sum * rest + 4.1665795894e-2f;
  sum = sum * rest + 1.6666665459e-1f;
  sum = sum * rest + 5.0000001201e-1f;
  sum = sum * rest * rest + rest + 1.0f;
  return Vector(Integers(sum) + ((Integers(shifted) - 0x4b400000) << 23));
}

inline Vector logistic(Vector x) { return 1.0f / (1.0f + exponential(-x)); }

// Near zero by a polynomial: a difference of numbers near one would leave little of it. Source of the coefficients:
// Moshier, Cephes Mathematical Library.
inline Vector hyperbolic_tangent(Vector x) {
  const Vector size = magnitude(x), square = x * x;
  Vector sum = square * -5.70498872745e-3f + 2.06390887954e-2f;
  sum = sum * square + -5.37397155531e-2f;
  sum = sum * square + 1.33314422036e-1f;
  sum = sum * square + -3.33332819422e-1f;
  const Vector near = sum * square * x + x;
  const Vector far = 1.0f - 2.0f / (exponential(size + size) + 1.0f);
  return size < 0.625f ? near : x < 0 ? -far : size >= 0.625f ? far : x;
}

// The integral of the normal distribution's density, twice, less one; to 1.5e-7. Source: Abramowitz and Stegun,
// Handbook of Mathematical Functions, 7.1.26.
inline Vector error_function(Vector x) {
  const Vector size = magnitude(x), t = 1.0f / (size * 0.3275911f + 1.0f);
  Vector sum = t * 1.061405429f + -1.453152027f;
  sum = sum * t + 1.421413741f;
  sum = sum * t + -0.284496736f;
  sum = sum * t + 0.254829592f;
  const Vector far = 1.0f - sum * t * exponential(-(size * size));
  return x < 0 ? -far : far;
}

}  // namespace striate::STRIATE_ISA
