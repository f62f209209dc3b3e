#include "transpose.h"

#include "share.h"

#include <algorithm>

namespace striate {
namespace {

// A square of so many cache lines either way: all of both stays in the first cache.
constexpr std::int64_t square = 16;

template <class Number>
void turn(const Number* from, Number* to, std::int64_t rows, std::int64_t columns, std::int64_t row_step,
          std::int64_t column_step) {
  for (std::int64_t column = 0; column < columns; ++column) {
    for (std::int64_t row = 0; row < rows; ++row) to[column * column_step + row] = from[row * row_step + column];
  }
}

}  // namespace

template <class Number>
void transpose(const Number* from, Number* to, std::int64_t matrices, std::int64_t rows, std::int64_t columns,
               int threads) {
  const std::int64_t bands = (columns + square - 1) / square;
  share(threads, matrices * bands, [&](std::int64_t task, int) {
    const std::int64_t matrix = task / bands, column = task % bands * square;
    const Number* band = from + matrix * rows * columns + column;
    Number* out = to + (matrix * columns + column) * rows;
    const std::int64_t wide = std::min(square, columns - column);
    for (std::int64_t row = 0; row < rows; row += square) {
      const Number* corner = band + row * columns;
      // Sizes that the compiler knows make the common case two to three times as fast.
      if (wide == square && row + square <= rows) {
        turn(corner, out + row, square, square, columns, rows);
      } else {
        turn(corner, out + row, std::min(square, rows - row), wide, columns, rows);
      }
    }
  });
}

template void transpose(const float*, float*, std::int64_t, std::int64_t, std::int64_t, int);
template void transpose(const double*, double*, std::int64_t, std::int64_t, std::int64_t, int);

}  // namespace striate
