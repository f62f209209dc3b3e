// Pooling: windows that slide over images, and learn nothing.
//
// Images lie as planes of channels (NCHW) or with the channels of a pixel side by side (NHWC); each is computed as it
// lies. For both a row is `w` pixels of `pixel()` floats, and a plane is `h` rows.
//
// Kernels are compiled for each instruction set, so this header has no inline function of the standard library (see
// isa/kernels.h).
#pragma once

#include "isa/kernels.h"

#include <cstdint>

namespace striate {

struct Pool {
  std::int64_t n, c, h, w;  // input
  std::int64_t p, q;        // positions
  std::int64_t r, s;        // taps
  std::int64_t stride_h, stride_w;
  std::int64_t top, left;  // around the input
  std::int64_t dilation_h, dilation_w;
  bool last;  // channels
  // Along the depth, for the maxima of volumes: slices, positions, taps, stride, slices before the input, dilation.
  // Rows of positions are counted through all of them.
  std::int64_t d = 1, o = 1, t = 1, stride_d = 1, front = 0, dilation_d = 1;

  std::int64_t planes() const { return last ? n : n * c; }
  std::int64_t pixel() const { return last ? c : 1; }
  // Pixels that the windows of a row reach over, from the first one's first tap to the last one's last.
  std::int64_t reach() const { return (q - 1) * stride_w + (s - 1) * dilation_w + 1; }
};

// Rows of positions of all planes, one after the other, that one thread computes.
struct Rows {
  std::int64_t first, end;
};

// The greatest sample under each window: NaN before all others, then the first in the order of the plane. `switches`,
// which may be null, are the places of these, `(slice * h + row) * w + column`. What is not in the image is no sample;
// a window without any has -inf. `scratch` has room for each thread's; null: it is found where it is needed.
void max_pool(const Kernels& kernels, const Pool& pool, const float* x, float* y, std::int64_t* switches, int threads,
              float* scratch = nullptr);

// Back to the places that the switches name; the rest is zero. Those that several positions name become their sum, or
// with `last_wins` the last of them. Of the pool only the sizes count. Says whether all switches are places of a plane;
// if not, nothing is written by those that are not, and the rest is not to be used.
bool unpool(const Kernels& kernels, const Pool& pool, const float* y, const std::int64_t* switches, float* x,
            bool last_wins, int threads);

// The other way: the samples at the places that the switches name, which are all within.
void pick(const Pool& pool, const float* x, const std::int64_t* switches, float* y, int threads);

// How a sum over a window becomes its mean.
struct Mean {
  std::int64_t divisor;        // or 0, for the number of samples
  bool padding;                // whether what lies outside of the image counts, up to `bottom` and `right`
  std::int64_t bottom, right;  // around the input; what of a window lies beyond never counts
};

// The mean of the samples under each window, and its adjoint: the gradient with respect to the input.
void avg_pool(const Kernels& kernels, const Pool& pool, const Mean& mean, const float* x, float* y, int threads,
              float* scratch = nullptr);
void avg_pool_gradient(const Kernels& kernels, const Pool& pool, const Mean& mean, const float* y, float* x,
                       int threads);

}  // namespace striate
