// Local contrast normalisation: each sample less the mean of its surroundings, divided by their deviation.
//
//   surround = window(mean of maps of x),   v = x - surround
//   deviation = sqrt(window(mean of maps of v²)),   y = v / max(limit, deviation)
//
// The window is one pass along each axis, cut off at the border, where what is left of it sums to 1 again.
#pragma once

#include "isa/kernels.h"

#include <cstdint>

namespace striate {

struct ContrastNorm {
  std::int64_t n, maps;          // examples, and maps that share a window
  std::int64_t d, h, w, groups;  // slices of a volume, one for images; groups: windows side by side at a position
  bool pixels;                   // whether the maps of a position lie side by side; else in planes
  const float* deep;             // weights of the window
  const float* down;
  const float* across;
  std::int64_t taps_d, taps_h, taps_w;
  bool subtractive, divisive;
  float threshold;  // the least divisor; 0 for the mean deviation of an example and group

  std::int64_t rows() const { return d * h; }              // of all slices of an example
  std::int64_t row() const { return w * groups; }          // windows of a row
  std::int64_t windows() const { return rows() * row(); }  // of an example
};

// What is kept of one example, a number for each window, and what is found of all its rows.
struct Contrast {
  const float* x;
  const float* gradient;  // null where there is none
  float* y;
  float *first, *surround, *second, *deviation, *third;
  float* deep;           // of volumes: what the last pass across made, passed along the depth
  float* sums;           // of each row, for each group
  float* limit;          // of each window of a row: that of its group
  float* shared;         // of each window of a row: its part in the gradient of its group's mean deviation
  const float* cover_h;  // 1 / what of the window lies within, down and along the depth, by row
  const float* cover_w;  // and by window of a row
};

// In this order, each for all rows before the next. Those that pass the window across leave it to the next to pass it
// down; of volumes the one that is called `..._deep` comes between.
enum class Step {
  means,
  means_deep,
  powers,
  powers_deep,
  deviations,
  normed,
  divisors,
  deviations_back,
  deviations_back_deep,
  powers_back,
  powers_back_deep,
  means_back
};

// `gradient` null: y of x. Else the gradient with respect to x, of the one with respect to y.
void contrast_norm(const Kernels& kernels, const ContrastNorm& norm, const float* x, const float* gradient, float* y,
                   int threads);

}  // namespace striate
