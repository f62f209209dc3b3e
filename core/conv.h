// Convolution: a problem, the ways to compute it, and the one way to call any of them.
//
//   Problem --> an Algorithm that does not refuse it --> prepare(weights), once --> run(x), as often as wanted
//
// Images are NHWC: the channels of a pixel lie side by side, as in PyTorch's channels_last. Sizes are counts of
// elements. Numbers are floats, or doubles: `Weights` are floats, `WeightsOf<double>` are not. Kernels are compiled for
// each instruction set, so this header has no inline function of the standard library either (see isa/kernels.h).
#pragma once

#include "activation.h"

#include <cstddef>
#include <cstdint>

namespace striate {

// How far outputs lie apart, in numbers. As a rule each row begins where the one before ends; those of one phase of a
// stride go to every second pixel of every second row.
struct Apart {
  std::int64_t pixel, row, image;
};

struct Problem {
  std::int64_t n, c, h, w;  // input
  std::int64_t k, r, s;     // kernels
  std::int64_t stride_h, stride_w;
  std::int64_t top, bottom, left, right;  // zeros around the input; negative ones cut it
  std::int64_t dilation_h, dilation_w;
  std::int64_t groups;
  bool bias, residual, relu;  // what is done to a sum before it is stored, in this order
  bool doubles;               // whether numbers are

  std::int64_t p() const { return (h + top + bottom - dilation_h * (r - 1) - 1) / stride_h + 1; }
  std::int64_t q() const { return (w + left + right - dilation_w * (s - 1) - 1) / stride_w + 1; }
  std::int64_t c_per_group() const { return c / groups; }
  std::int64_t k_per_group() const { return k / groups; }
  Apart side_by_side() const { return {k, q() * k, p() * q() * k}; }
  std::int64_t multiply_adds() const { return n * p() * q() * k * c_per_group() * r * s; }
};

// Kernels wherever they lie: of group `gi`, that of output channel `ko` has its tap for `ci` at
// `at[gi*g + ko*k + ci*c + ...]`. Steps may be negative, so flipped kernels and the transposed ones of a gradient are
// views of the same weights.
template <class Number>
struct WeightsOf {
  const Number* at;
  std::int64_t g, k, c, r, s;  // steps, in elements
};

// Where a gradient of kernels goes: laid out likewise.
template <class Number>
struct WeightsOutOf {
  Number* at;
  std::int64_t g, k, c, r, s;
};

template <class Number>
struct TensorsOf {
  const Number* x;         // n h w c
  const Number* bias;      // k, or null
  const Number* residual;  // n p q k, or null; its pixels lie apart as those of `y` do
  Number* y;               // n p q k
  Apart apart;
  const Activation* then = nullptr;  // done to each number last, if it is more than to rectify it

  std::int64_t place(std::int64_t n, std::int64_t row, std::int64_t column) const {
    return n * apart.image + row * apart.row + column * apart.pixel;
  }
};

// Volumes as stacks of slices, and kernels of several planes that go through them one slice at a time. The problem
// beside it is that of one slice and one plane.
struct Deep {
  std::int64_t volumes, slices, positions;  // slices that are read, and that are written, of a volume
  std::int64_t planes, front;               // front: slices of zeros before the first

  // Planes that meet a slice, and the slice that the first plane of all would meet.
  struct Met {
    std::int64_t first, end, slice;
  };
  Met met(std::int64_t position) const {
    const std::int64_t slice = position - front, left = slices - slice;
    return {slice < 0 ? -slice : 0, left < planes ? left : planes, slice};
  }
};

// A way to compute these at once, where there is one: as of `AlgorithmOf`, but each plane's weights are prepared by
// themselves.
template <class Number>
struct DeepOf {
  const char* (*refuses)(const Problem&, const Deep&);
  double (*cost)(const Problem&, const Deep&);
  std::int64_t (*workspace)(const Problem&, const Deep&, int threads);
  void (*run)(const Problem&, const Deep&, const TensorsOf<Number>&, const Number* const* prepared, std::byte* scratch,
              int threads);
};

// One way to compute a convolution. Every algorithm's file defines exactly these, in this order.
template <class Number>
struct AlgorithmOf {
  const char* name;

  // Why it cannot, in words, or null if it can.
  const char* (*refuses)(const Problem&);

  // Multiply-adds' worth of time that a thread spends: what it does, weighted by how well it does it.
  double (*cost)(const Problem&, int threads);

  // Numbers that the prepared weights take, and bytes of scratch for a run on so many threads.
  std::int64_t (*prepared)(const Problem&);
  std::int64_t (*workspace)(const Problem&, int threads);

  void (*prepare)(const Problem&, const WeightsOf<Number>&, Number* prepared, int threads);
  void (*run)(const Problem&, const TensorsOf<Number>&, const Number* prepared, std::byte* scratch, int threads);

  const DeepOf<Number>* deep = nullptr;
};

// One way to compute the gradient of a convolution with respect to its kernels: for each weight, the sum over examples
// and positions of what it was multiplied with, times the gradient that arrives there. The gradient with respect to the
// input needs no table of its own: it is a convolution (of `gradient`, with the kernels turned round), or one for each
// phase of the stride.
//
// The order of the sums depends on the sizes alone, never on the threads.
template <class Number>
struct WeightGradientOf {
  const char* name;
  const char* (*refuses)(const Problem&);
  double (*cost)(const Problem&, int threads);
  std::int64_t (*workspace)(const Problem&, int threads);
  void (*run)(const Problem&, const Number* x, const Number* gradient, const WeightsOutOf<Number>& to,
              std::byte* scratch, int threads);
};

// The definition, which refuses nothing: the last of both tables.
template <class Number>
struct Reference {
  static const AlgorithmOf<Number> convolution;
  static const WeightGradientOf<Number> weight_gradient;
};

using Weights = WeightsOf<float>;
using WeightsOut = WeightsOutOf<float>;
using Tensors = TensorsOf<float>;
using Algorithm = AlgorithmOf<float>;
using WeightGradient = WeightGradientOf<float>;

}  // namespace striate
