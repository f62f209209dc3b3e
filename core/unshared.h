// Convolution with kernels that depend on the position: each position has its own (unshared), or they take turns
// (tiled).
//
//   y[n, k, p] = Σ_{c, t} w[p mod kernels, k, c, t] * x[n, c, p * stride - before + t * dilation]
//
// Kernels lie one after the other, each `k` rows of `c * taps` numbers, and are read as they lie. Of the image only the
// samples under a few positions are gathered, so it may lie in memory as it likes.
//
// Kernels are compiled for each instruction set, so this header has no inline function of the standard library (see
// isa/kernels.h).
#pragma once

#include "isa/kernels.h"

#include <cstddef>
#include <cstdint>

namespace striate {

// One spatial axis; whoever has fewer than three puts axes of one position in front.
struct Axis {
  std::int64_t size, positions, kernels, taps;
  std::int64_t stride, before;  // the first position's first tap is at `-before`
  std::int64_t dilation;        // negative where kernels are flipped
  std::int64_t x, y;            // steps in memory, in floats

  // Positions that kernel `t` serves: `t`, `t + kernels`, ...
  std::int64_t turns(std::int64_t t) const { return t < positions ? (positions - t + kernels - 1) / kernels : 0; }
};

struct Unshared {
  std::int64_t n, groups, c, k;  // channels and rows of one group
  std::int64_t x_image, x_channel, y_image, y_channel;
  Axis axes[3];

  // Of one kernel: its positions, in all images.
  std::int64_t columns(std::int64_t kernel) const {
    const std::int64_t across = kernel % axes[2].kernels, down = kernel / axes[2].kernels % axes[1].kernels;
    return n * axes[2].turns(across) * axes[1].turns(down) * axes[0].turns(kernel / axes[2].kernels / axes[1].kernels);
  }
  std::int64_t kernels() const { return axes[0].kernels * axes[1].kernels * axes[2].kernels; }
  std::int64_t positions() const { return axes[0].positions * axes[1].positions * axes[2].positions; }
  std::int64_t taps() const { return axes[0].taps * axes[1].taps * axes[2].taps; }
  std::int64_t depth() const { return c * taps(); }
  std::int64_t multiply_adds() const { return n * positions() * groups * k * depth(); }
};

// Positions that are neighbours along the last axis, in some images, for one group.
struct Stretch {
  std::int64_t slow, middle;  // the other two
  std::int64_t first, end;
  std::int64_t image, images;  // the first of them, and how many
  std::int64_t group;
};
constexpr int longest_stretch = 16;

// Some channels of one group.
struct Channels {
  std::int64_t group, first, end;
};

// Bytes of scratch that any of the three takes.
std::int64_t unshared_workspace(const Kernels& kernels, const Unshared& problem, int threads);

void unshared(const Kernels& kernels, const Unshared& problem, const float* x, const float* w, float* y,
              std::byte* scratch, int threads);

// The gradients of one with respect to `y`: each number of them is the sum of one thread, in an order that depends on
// the sizes alone, and for the input not on the number of images.
void unshared_input_gradient(const Kernels& kernels, const Unshared& problem, const float* y, const float* w, float* x,
                             std::byte* scratch, int threads);
void unshared_weight_gradient(const Kernels& kernels, const Unshared& problem, const float* x, const float* y, float* w,
                              std::byte* scratch, int threads);

}  // namespace striate
