// A constant matrix times a vector of vectors, written out by the compiler: nothing is multiplied by 0 or 1, and what
// two results share is computed once.
//
// The points of F(m, r) come in pairs p, -p. So rows of `in` come in pairs that differ in the signs of some entries
// (even + odd, even - odd), and columns of `out` in pairs that are equal in even rows and opposite in odd ones.
#pragma once

#include "toom_cook.h"
#include "vector.h"

#include <utility>

namespace striate::STRIATE_ISA {

constexpr double magnitude(double value) { return value < 0 ? -value : value; }
constexpr bool close(double a, double b) { return magnitude(a - b) <= 1e-12 * (magnitude(a) + magnitude(b)); }

// Whether two rows, or columns, are equal but for signs, some equal and some opposite.
template <int N>
constexpr bool paired(const double (&a)[N], const double (&b)[N]) {
  bool equal = false, opposite = false;
  for (int i = 0; i < N; ++i) {
    if (!close(magnitude(a[i]), magnitude(b[i]))) return false;
    if (a[i] != 0) (close(a[i], b[i]) ? equal : opposite) = true;
  }
  return equal && opposite;
}

template <int Rows, int Columns>
constexpr Matrix<Columns, Rows> transposed(const Matrix<Rows, Columns>& m) {
  Matrix<Columns, Rows> turned = {};
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Columns; ++j) turned.at[j][i] = m.at[i][j];
  }
  return turned;
}

// 1 for the first row of a pair, 2 for its second, 0 for a row alone.
template <int Rows, int Columns>
constexpr int role(const Matrix<Rows, Columns>& m, int row) {
  for (int i = 0; i < Rows; ++i) {
    if (i + 1 < Rows && paired(m.at[i], m.at[i + 1])) {
      if (row == i) return 1;
      if (row == ++i) return 2;
    } else if (row == i) {
      return 0;
    }
  }
  return 0;
}

template <const auto& m, class V, int Rows, int Columns>
struct Transform {
  using Number = decltype(V{}[0] + 0);
  static constexpr int row_role(int i) { return role(m, i); }
  static constexpr int column_role(int j) { return role(transposed(m), j); }
  // Whether entry (i, j) belongs to what the second row of a pair takes with the other sign.
  static constexpr bool is_odd(int i, int j) { return row_role(i) == 1 && !close(m.at[i][j], m.at[i + 1][j]); }
  static constexpr bool counts(int i, int j, bool odd) {
    return m.at[i][j] != 0 && column_role(j) != 2 && is_odd(i, j) == odd;
  }
  static constexpr int first(int i, bool odd) {
    int j = 0;
    while (j < Columns && !counts(i, j, odd)) ++j;
    return j;
  }

  template <int I, int J, bool Odd>
  [[gnu::always_inline]] static void add(V& part, const V (&sum)[Columns], const V (&difference)[Columns]) {
    if constexpr (counts(I, J, Odd)) {
      constexpr double factor = m.at[I][J];
      constexpr bool opposite = [] {
        if constexpr (column_role(J) == 1) return !close(m.at[I][J], m.at[I][J + 1]);
        return false;
      }();
      const V value = opposite ? difference[J] : sum[J];
      if constexpr (J == first(I, Odd)) {
        part = factor == 1 ? value : factor == -1 ? -value : value * Number(factor);
      } else {
        part = factor == 1 ? part + value : factor == -1 ? part - value : part + value * Number(factor);
      }
    }
  }

  template <int I, bool Odd, int... J>
  [[gnu::always_inline]] static V part(const V (&sum)[Columns], const V (&difference)[Columns],
                                       std::integer_sequence<int, J...>) {
    V total = {};
    (add<I, J, Odd>(total, sum, difference), ...);
    return total;
  }

  template <int I>
  [[gnu::always_inline]] static void row(const V (&sum)[Columns], const V (&difference)[Columns], V (&out)[Rows]) {
    constexpr auto columns = std::make_integer_sequence<int, Columns>{};
    if constexpr (row_role(I) == 1) {
      const V even = part<I, false>(sum, difference, columns), odd = part<I, true>(sum, difference, columns);
      out[I] = even + odd;
      out[I + 1] = even - odd;
    } else if constexpr (row_role(I) == 0) {
      out[I] = part<I, false>(sum, difference, columns);
    }
  }

  template <int... I, int... J>
  [[gnu::always_inline]] static void apply(const V (&in)[Columns], V (&out)[Rows], std::integer_sequence<int, I...>,
                                           std::integer_sequence<int, J...>) {
    V sum[Columns], difference[Columns];
    (
        [&] {
          sum[J] = in[J];
          if constexpr (column_role(J) == 1) {
            sum[J] = in[J] + in[J + 1];
            difference[J] = in[J] - in[J + 1];
          }
        }(),
        ...);
    (row<I>(sum, difference, out), ...);
  }
};

// out = m · in, of vectors of float or of double.
template <const auto& m, class V, int Rows, int Columns>
[[gnu::always_inline]] inline void transform(const V (&in)[Columns], V (&out)[Rows]) {
  Transform<m, V, Rows, Columns>::apply(in, out, std::make_integer_sequence<int, Rows>{},
                                        std::make_integer_sequence<int, Columns>{});
}

}  // namespace striate::STRIATE_ISA
