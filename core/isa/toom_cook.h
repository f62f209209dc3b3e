// The matrices of Winograd's minimal filtering, F(m, r), made from its points when the core is compiled.
//
//   y = out · [(kernel · g) * (in · d)]      m outputs of a filter g of r taps over d, m + r - 1 inputs
//
// Source: Winograd, "Arithmetic Complexity of Computations", 1980: the transposed form of Toom and Cook's
// multiplication of
//         polynomials, which evaluates both at as many points as the product has coefficients, the last of them
//         infinity.
#pragma once

namespace striate::STRIATE_ISA {

template <int Rows, int Columns>
struct Matrix {
  double at[Rows][Columns];
};

template <int M, int R>
struct ToomCook {
  static constexpr int tile = M + R - 1;
  Matrix<M, tile> out;
  Matrix<tile, tile> in;
  Matrix<tile, R> kernel;
};

// From the finite points; infinity is added. A pair p, -p side by side is what `transform` shares work between.
template <int M, int R>
constexpr ToomCook<M, R> toom_cook(const double (&points)[M + R - 2]) {
  constexpr int tile = M + R - 1, finite = tile - 1;
  ToomCook<M, R> made = {};
  for (int j = 0; j < finite; ++j) {
    double power = 1;
    for (int i = 0; i < M; ++i, power *= points[j]) made.out.at[i][j] = power;
    // Row j of `in` is the polynomial that is zero at all the other points, and `scale` its value at this one.
    double scale = 1, polynomial[tile] = {1};
    for (int other = 0, degree = 0; other < finite; ++other) {
      if (other == j) continue;
      scale *= points[j] - points[other];
      for (int k = ++degree; k >= 0; --k)
        polynomial[k] = (k > 0 ? polynomial[k - 1] : 0) - points[other] * polynomial[k];
    }
    for (int k = 0; k < finite; ++k) made.in.at[j][k] = polynomial[k];
    power = 1 / scale;
    for (int i = 0; i < R; ++i, power *= points[j]) made.kernel.at[j][i] = power;
  }
  made.out.at[M - 1][finite] = 1;
  made.kernel.at[finite][R - 1] = 1;
  double polynomial[tile + 1] = {1};
  for (int other = 0; other < finite; ++other) {
    for (int k = other + 1; k >= 0; --k)
      polynomial[k] = (k > 0 ? polynomial[k - 1] : 0) - points[other] * polynomial[k];
  }
  for (int k = 0; k < tile; ++k) made.in.at[finite][k] = polynomial[k];
  return made;
}

}  // namespace striate::STRIATE_ISA
