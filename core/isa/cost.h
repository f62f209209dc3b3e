// What things take beside the products themselves, in the time of one multiply-add at the peak rate.
//
// Fitted to the times of every algorithm on 330 problems, on one thread of one machine; for AVX-512 what concerns tiles
// was fitted again, by hand, to the layers of ResNets, VGG, AlexNet and ZFNet in their programs, and lies within a
// fifth of most of them.
#pragma once

#include "convolution.h"
#include "panels.h"

namespace striate::STRIATE_ISA {

// A product in a tile of sums.
constexpr double tile_product = is_widest ? 1.07 : 1.1;
// A sum of a tile, beside its products: the call, bias, the way to memory. With fewer lanes there are more calls, and
// less work in each meanwhile.
constexpr double tile_sum = is_widest ? 16 : 20;
// A pointer of a table: the tile's row begins to be read there.
constexpr double pointer = 10.0 * lanes;
// A number of an image, read once or written once.
constexpr double image_number = 1.3;
// A weight that comes from beyond the second cache; nearer ones are there in time.
constexpr double far_weight = is_widest ? 6 : lanes / 2.0, far = 250e3;
// A call.
constexpr double call = 8e3 * lanes;

inline double weights_cost(double numbers) { return numbers > far ? numbers * far_weight : 0; }

inline double images_cost(const Problem& p) {
  return image_number * double(p.n * (p.h * p.w * p.c + 2 * p.p() * p.q() * p.k));
}

// Vectors' worth of time that a narrow panel takes, by the vectors that it has: more than they are.
constexpr double narrow_panel[] = {0, is_widest ? 2.3 : 1.35, is_widest ? 2.7 : 2, 3.3, 4};

// Channels of a group, as the panels take them.
inline double panels_width(const Problem& p) {
  const std::int64_t whole = p.k_per_group() / panel * panel, rest = p.k_per_group() - whole;
  return double(whole) + lanes * narrow_panel[divided_up(rest, lanes)];
}

}  // namespace striate::STRIATE_ISA
