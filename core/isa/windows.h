// Rows of windows over images: what both poolings go by.
//
// A row of positions is made in two steps: first all columns of the rows that are under its windows, by vectors along
// the row, whatever the layout; then, of the columns, the windows.
#pragma once

#include "../pool.h"
#include "vector.h"

namespace striate::STRIATE_ISA {

// Every second number of two vectors.
template <int... lane>
Vector even(Vector a, Vector b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, (2 * lane)...);
}

// A vector of floats `step` apart, from an array that goes on for as many vectors.
template <int step>
Vector every(const float* from) {
  if constexpr (step == 1) {
    return load(from);
  } else {
    return even(load(from), load(from + lanes), Every{});
  }
}

// What is under a row of windows.
struct Band {
  const float* plane;
  std::int64_t first, rows;    // of the image, `dilation_h` apart
  std::int64_t left, columns;  // of the image, that windows reach
};

// Samples of an axis that a window meets: the first, and how many of them, `dilation` apart.
struct Met {
  std::int64_t first, count;
};

// Of a window that begins at `begin`. There are many rows, and a division takes as long as a short one of them.
inline Met met(std::int64_t begin, std::int64_t taps, std::int64_t dilation, std::int64_t size) {
  const std::int64_t before = begin >= 0 ? 0 : divided_up(-begin, dilation);
  const std::int64_t end = begin + (taps - 1) * dilation < size ? taps : divided_up(size - begin, dilation);
  return {begin + before * dilation, most(0, end - before)};
}

// Of output row `row` of a plane, or of a slice.
inline Band band(const Pool& p, const float* plane, std::int64_t row) {
  const Met rows = met(row * p.stride_h - p.top, p.r, p.dilation_h, p.h);
  const std::int64_t left = most(0, -p.left), right = least(p.w, p.reach() - p.left);
  return {plane, rows.first, rows.count, left, most(0, right - left)};
}

// Floats that the columns of a strip take, and two vectors more on the right.
inline std::int64_t column_floats(const Pool& p) { return rounded_up(p.reach() * p.pixel() + 4 * lanes, lanes); }

// Of long rows a few positions at a time, down all the rows of a task: what the next windows share is then still in the
// nearest cache. Counted from position `q`, what is left of it is left of the image, or cut away.
inline Pool strip(const Pool& p, std::int64_t q) {
  constexpr std::int64_t floats = 1 << 12;
  const std::int64_t reach = floats / p.pixel() / most(1, p.r) - (p.s - 1) * p.dilation_w;
  Pool part = p;
  part.q = least(p.q - q, most(4, reach / p.stride_w));
  part.left = p.left - q * p.stride_w;
  return part;
}

}  // namespace striate::STRIATE_ISA
