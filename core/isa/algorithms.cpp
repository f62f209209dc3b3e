// The tables of algorithms. To add one: write its file, add a line here.
#include "convolution.h"

namespace striate::STRIATE_ISA {

extern const Algorithm depthwise, direct, grouped, pointwise, stem, winograd_1x4, winograd_4x1, winograd_2x2,
    winograd_4x4, winograd_6x6, winograd_3x3_2x2, winograd_2x2_5x5;

// Best guess first; the reference refuses nothing.
extern const Algorithm* const algorithms[];
const Algorithm* const algorithms[] = {
    &depthwise,
    &grouped,
    &pointwise,
    &stem,
    &winograd_4x4,
    &winograd_2x2,
    &winograd_2x2_5x5,
    &winograd_6x6,
    &winograd_3x3_2x2,
    &winograd_1x4,
    &winograd_4x1,
    &direct,
    &Reference<Number>::convolution,
    nullptr,
};

extern const WeightGradient depthwise_gradient, direct_gradient, grouped_gradient, pointwise_gradient,
    winograd_gradient;

extern const WeightGradient* const weight_gradients[];
const WeightGradient* const weight_gradients[] = {
    &depthwise_gradient,
    &grouped_gradient,
    &pointwise_gradient,
    &winograd_gradient,
    &direct_gradient,
    &Reference<Number>::weight_gradient,
    nullptr,
};

}  // namespace striate::STRIATE_ISA
