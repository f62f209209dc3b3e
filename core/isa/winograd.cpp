// The sizes of Winograd's filtering that are used, and their points.
//
// Points: 0, ±√½, ±√2 make F(4x4) and F(2x2, 5x5) as exact as twice the direct sums; 0, ±1, ±2 of the paper lose twice
// as
//         much again (measured: docs/engine.md). F(6x6) cannot be rescued by its points, and is for the class `fast`.
#include "winograd.h"

namespace striate::STRIATE_ISA {
namespace {

constexpr double half = 0.70710678118654752440, two = 1.41421356237309504880;  // square roots

template <int M_, int R_, const auto& points>
struct Filter {
  static constexpr int M = M_, R = R_;
  static constexpr auto matrices = toom_cook<M, R>(points);
  static constexpr auto out = matrices.out;
  static constexpr auto in = matrices.in;
  static constexpr auto kernel = matrices.kernel;
};

constexpr double three[] = {0, 1, -1}, five[] = {0, half, -half, two, -two}, seven[] = {0, 1, -1, 2, -2, 0.5, -0.5};

}  // namespace

extern const Algorithm winograd_2x2, winograd_4x4, winograd_6x6, winograd_2x2_5x5;
const Algorithm winograd_2x2 = Winograd<Filter<2, 3, three>>::algorithm("winograd-2x2"),
                winograd_4x4 = Winograd<Filter<4, 3, five>>::algorithm("winograd-4x4"),
                winograd_6x6 = Winograd<Filter<6, 3, seven>>::algorithm("winograd-6x6"),
                winograd_2x2_5x5 = Winograd<Filter<2, 5, five>>::algorithm("winograd-2x2-5x5");

}  // namespace striate::STRIATE_ISA
