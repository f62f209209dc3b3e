// Local response normalisation: each sample divided by the strength of the maps around its own.
//
//   y[c] = x[c] * (k + share * Σ x[j]²) ** -beta,   j from c - before to c + after, as far as there are maps
//
// Images lie as planes of channels or with the channels of a pixel side by side.
#pragma once

#include "isa/kernels.h"

#include <cstdint>

namespace striate {

struct ResponseNorm {
  std::int64_t n, c, positions;
  bool last;                   // channels
  std::int64_t before, after;  // maps, besides the sample's own
  double share, beta, k;
};

// `scratch` has the room that it says it takes; null: it is found where it is needed.
void response_norm(const Kernels& kernels, const ResponseNorm& norm, const float* x, float* y, int threads,
                   float* scratch = nullptr);
std::int64_t response_norm_scratch(const Kernels& kernels, const ResponseNorm& norm, int threads);  // floats

// The gradient with respect to `x`, of one with respect to `y`.
void response_norm_gradient(const Kernels& kernels, const ResponseNorm& norm, const float* x, const float* gradient,
                            float* to, int threads);

}  // namespace striate
