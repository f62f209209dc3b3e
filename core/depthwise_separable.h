// Depthwise-separable convolution: a kernel for each channel, then a mixture of the channels at each pixel. What the
// first pass makes of some rows is still in the cache when the second reads it.
#pragma once

#include "conv.h"

namespace striate {

struct Pass {
  const Algorithm* algorithm;  // that needs no workspace
  Problem problem;
  const float* prepared;
};

// The scratch of so many threads: some rows of the first pass's output each.
std::int64_t depthwise_separable_scratch(const Problem& first, int threads);

// `x` and `y` are NHWC; the first pass has neither bias nor epilogue.
void depthwise_separable(const Pass& first, const Pass& second, const float* x, const float* bias, float* y,
                         std::byte* scratch, int threads);

}  // namespace striate
