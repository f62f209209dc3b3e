// What is done number by number: an image times another plus a third, and then bent.
//
//   y = bend(x * factor + term)
//
// Sums of images, products with a number for each channel, a normalisation that is a scale and a shift, copies from
// one place to another: all are this, with something left out. Channels lie side by side; pixels as they may.
//
// Kernels are compiled for each instruction set, so this header has no inline function of the standard library (see
// isa/kernels.h).
#pragma once

#include "activation.h"
#include "isa/kernels.h"

namespace striate {

// Numbers that take part: floats from one image to the next and from one pixel to the next. A step of 0 repeats them.
struct Operand {
  const float* at;  // or null: it is left out
  std::int64_t image, pixel;
};

struct Affine {
  std::int64_t n, pixels, c;
  Operand x, factor, term;
  float* y;
  std::int64_t y_image, y_pixel;
  const Activation* then;  // or null
};

// Some pixels of one image, some channels of each.
struct Patch {
  std::int64_t image, pixel, pixels, channel, channels;
};

void affine(const Kernels& kernels, const Affine& affine, int threads);

// Each row's exponentials, divided by their sum.
void softmax(const Kernels& kernels, const float* x, float* y, std::int64_t rows, std::int64_t columns, int threads);

}  // namespace striate
