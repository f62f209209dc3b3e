// What a layer does to each of its numbers at the end: the functions that networks bend their sums by.
//
// Kernels are compiled for each instruction set, so this header has no inline function of the standard library (see
// isa/kernels.h).
#pragma once

#include <cstdint>

namespace striate {

enum class Bend : int { relu, clip, leaky_relu, sigmoid, tanh, silu, gelu, gelu_tanh, hardswish, hardsigmoid, elu };

// `a` and `b` are the function's own numbers: clip's least and greatest, leaky_relu's and elu's slope; else nothing.
struct Activation {
  Bend bend;
  float a, b;
};

// By the definition.
double bent(double x, const Activation& by);

// Numbers that lie in rows: some pixels, `step` floats from one to the next, each with `columns` channels.
struct Block {
  float* at;
  std::int64_t step, rows, columns;
};

}  // namespace striate
