// The sizes of Winograd's filtering that are used, and their points.
//
// Points: 0, ±√½, ±√2 make F(4x4) and F(2x2, 5x5) as exact as twice the direct sums; 0, ±1, ±2 of the paper lose twice
// as
//         much again (measured: docs/engine.md). F(6x6) cannot be rescued by its points, and is for the class `fast`.
#include "winograd_deep.h"

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

// Along an axis that the kernel has one tap of, nothing is transformed.
struct OneTap {
  static constexpr int M = 1, R = 1;
  static constexpr Matrix<1, 1> out{{{1}}}, in{{{1}}}, kernel{{{1}}};
};

using F23 = Filter<2, 3, three>;
using F32 = Filter<3, 2, three>;
using F43 = Filter<4, 3, five>;
using F63 = Filter<6, 3, seven>;
using F25 = Filter<2, 5, five>;

template <class Both>
constexpr Algorithm deep(const char* name) {
  using Of = Winograd<Both, Both>;
  return Of::algorithm(name, &DeepWinograd<Of>::deep);
}

}  // namespace

extern const Algorithm winograd_1x4, winograd_4x1, winograd_2x2, winograd_4x4, winograd_6x6, winograd_3x3_2x2,
    winograd_2x2_5x5;
const Algorithm winograd_1x4 = Winograd<OneTap, F43>::algorithm("winograd-1x4"),
                winograd_4x1 = Winograd<F43, OneTap>::algorithm("winograd-4x1"),
                winograd_2x2 = deep<F23>("winograd-2x2"), winograd_4x4 = deep<F43>("winograd-4x4"),
                winograd_6x6 = deep<F63>("winograd-6x6"), winograd_3x3_2x2 = deep<F32>("winograd-3x3-2x2"),
                winograd_2x2_5x5 = deep<F25>("winograd-2x2-5x5");

}  // namespace striate::STRIATE_ISA
