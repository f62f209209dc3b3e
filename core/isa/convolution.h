// Convolution (../conv.h) of the numbers that a kernel is compiled for.
#pragma once

#include "../conv.h"
#include "vector.h"

namespace striate::STRIATE_ISA {

using Weights = WeightsOf<Number>;
using WeightsOut = WeightsOutOf<Number>;
using Tensors = TensorsOf<Number>;
using Algorithm = AlgorithmOf<Number>;
using WeightGradient = WeightGradientOf<Number>;

}  // namespace striate::STRIATE_ISA
