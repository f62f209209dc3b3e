// Overlapped tiles of planes of numbers, on their way to a Fourier transform and back.
#pragma once

#include <cstdint>

namespace striate {

// How planes are cut: tile `(i, j)` begins `i * step_h - top` rows down and `j * step_w - left` across, where there are
// zeros around the plane. Of a tile's `size_h * size_w` numbers those beyond the window are zero as well.
struct Overlap {
  std::int64_t planes, h, w;             // what is cut, or what is put together
  std::int64_t first, tiles_h, tiles_w;  // tiles down, from the first of these; and across
  std::int64_t step_h, step_w;
  std::int64_t top, left;
  std::int64_t window_h, window_w, size_h, size_w;
};

// Cut images of planes each: `to` has the tiles of an image, down, across, then its planes.
void cut(const Overlap& o, const float* from, float* to, std::int64_t images, int threads);

// The real numbers whose transform is, but for its halves' order, that of the spectra: `re - im` at a frequency, and
// `re + im` at its negative (Hartley's transform, which is its own inverse).
void unfold(const float* spectra, float* to, std::int64_t count, std::int64_t size_h, std::int64_t size_w, int threads);

// Put tiles together from the transforms of what `unfold` made: the first `step_h * step_w` numbers of each, scaled,
// and a number for each plane added if there is one.
void put(const Overlap& o, const float* spectra, const float* offset, float* to, std::int64_t images, int threads);

}  // namespace striate
