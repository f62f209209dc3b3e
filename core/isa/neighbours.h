// Neighbouring outputs of one row, a vector of channels of each: where they find what they need, and where they go.
#pragma once

#include "activation.h"
#include "convolution.h"

namespace striate::STRIATE_ISA {

// The taps of one axis that fall into the image.
struct Taps {
  std::int64_t first, end;
};

// Those of the output whose first tap is at `start`.
inline Taps taps_inside(std::int64_t start, std::int64_t size, std::int64_t count, std::int64_t dilation) {
  const std::int64_t first = start >= 0 ? 0 : divided_up(-start, dilation);
  const std::int64_t end = start >= size ? 0 : least(count, divided_up(size - start, dilation));
  return {first, most(first, end)};
}

struct Place {
  const Number* image;
  std::int64_t top, left;  // of the first tap of the first output
  std::int64_t output;     // where its first channel goes
  std::int64_t c;          // the first channel of the vector
};

using Neighbours = void(const Problem&, const Tensors&, const Number* weights, const Place&, Taps down, Taps across);

// Bias, residual and rectification, for the `rest` channels that there are from `at.c` on, of the first `count`.
template <int Count>
[[gnu::always_inline]] inline void finish(const Problem& p, const Tensors& t, const Place& at, std::int64_t rest,
                                          const Vector (&sum)[Count], std::int64_t count = Count) {
  const Vector bias = t.bias ? load_first(t.bias + at.c, rest) : Vector{};
  // Copies: what is written might be these, for all that the compiler knows.
  const std::int64_t pixel = t.apart.pixel, first = at.output + at.c;
  Number* const y = t.y + first;
  const Number* const residual = t.residual ? t.residual + first : nullptr;
  const bool relu = p.relu;
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) {
    if (i >= count) break;
    Vector value = sum[i] + bias;
    if (residual) value += load_first(residual + i * pixel, rest);
    store_first(y + i * pixel, relu ? rectified(value) : value, rest);
  }
  if (t.then) activate(*t.then, {t.y + at.output + at.c, t.apart.pixel, count, least(lanes, rest)});
}

// A row of outputs: the image that it is of, the row of it where its first taps are, and where its first output goes.
struct Line {
  const Number* image;
  std::int64_t top, output;
};

// The `task`th of all images.
inline Line line_of(const Problem& p, const Tensors& t, std::int64_t task) {
  const std::int64_t n = task / p.p(), row = task % p.p();
  return {t.x + n * p.h * p.w * p.c, row * p.stride_h - p.top, t.place(n, row, 0)};
}

// One row of outputs: `Outputs` neighbours at a time where all of them have all taps across, else one by one.
// `choose(inside, rest)` says by which function, for the `rest` channels that are left; it gets `weights` as they are.
template <int Outputs, class Given, class Choose>
[[gnu::always_inline]] inline void row_of_outputs(const Problem& p, const Tensors& t, const Given& weights,
                                                  const Line& line, const Choose& choose) {
  const std::int64_t columns = p.q();
  const Taps down = taps_inside(line.top, p.h, p.r, p.dilation_h);
  for (std::int64_t q = 0; q < columns;) {
    const std::int64_t left = q * p.stride_w - p.left, last = left + (Outputs - 1) * p.stride_w;
    const bool inside = q + Outputs <= columns && left >= 0 && last + (p.s - 1) * p.dilation_w < p.w;
    const Taps across = inside ? Taps{0, p.s} : taps_inside(left, p.w, p.s, p.dilation_w);
    for (std::int64_t c = 0; c < p.c; c += lanes)
      choose(inside, p.c - c)(p, t, weights, {line.image, line.top, left, line.output + q * t.apart.pixel, c}, down,
                              across);
    q += inside ? Outputs : 1;
  }
}

}  // namespace striate::STRIATE_ISA
