// The functions by their definitions, in double: what every quicker one is compared with.
#include "activation.h"

#include <algorithm>
#include <cmath>

namespace striate {

double bent(double x, const Activation& by) {
  if (std::isnan(x)) return x;
  const double a = double(by.a), b = double(by.b), hard = std::clamp((x + 3) / 6, 0.0, 1.0);
  switch (by.bend) {
    case Bend::relu:
      return std::max(x, 0.0);
    case Bend::clip:
      return std::clamp(x, a, b);
    case Bend::leaky_relu:
      return x < 0 ? a * x : x;
    case Bend::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Bend::tanh:
      return std::tanh(x);
    case Bend::silu:
      return x / (1 + std::exp(-x));
    case Bend::gelu:
      return x * 0.5 * (1 + std::erf(x * std::sqrt(0.5)));
    case Bend::gelu_tanh:
      return x * 0.5 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case Bend::hardswish:
      return x * hard;
    case Bend::hardsigmoid:
      return hard;
    case Bend::elu:
      return x < 0 ? a * std::expm1(x) : x;
  }
  return x;
}

}  // namespace striate
