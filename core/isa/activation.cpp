// To add a function: a name in ../activation.h, a struct and a line here.
#include "activation.h"
#include "exponential.h"

namespace striate::STRIATE_ISA {
namespace {

// What is undefined stays so: every comparison leaves it as it is.
struct Relu {
  Vector operator()(Vector x, const Activation&) const { return rectified(x); }
};
struct Clip {
  Vector operator()(Vector x, const Activation& of) const {
    return x < of.a ? spread(of.a) : x > of.b ? spread(of.b) : x;
  }
};
struct LeakyRelu {
  Vector operator()(Vector x, const Activation& of) const { return x < 0 ? x * of.a : x; }
};
struct Sigmoid {
  Vector operator()(Vector x, const Activation&) const { return logistic(x); }
};
struct Tanh {
  Vector operator()(Vector x, const Activation&) const { return hyperbolic_tangent(x); }
};
struct Silu {
  Vector operator()(Vector x, const Activation&) const { return x / (1.0f + exponential(-x)); }
};
struct Gelu {
  Vector operator()(Vector x, const Activation&) const { return x * 0.5f * (1.0f + error_function(x * 0.70710678f)); }
};
struct GeluTanh {
  Vector operator()(Vector x, const Activation&) const {
    return x * 0.5f * (1.0f + hyperbolic_tangent((x + x * x * x * 0.044715f) * 0.79788456f));
  }
};
struct Hardsigmoid {
  Vector operator()(Vector x, const Activation& of) const { return Clip{}((x + 3.0f) * (1.0f / 6), {of.bend, 0, 1}); }
};
struct Hardswish {
  Vector operator()(Vector x, const Activation& of) const { return x * Hardsigmoid{}(x, of); }
};
struct Elu {
  Vector operator()(Vector x, const Activation& of) const { return x < 0 ? of.a * (exponential(x) - 1.0f) : x; }
};

template <class Function>
void each(const Activation& of, const Block& block) {
  const Function function;
  for (std::int64_t row = 0; row < block.rows; ++row) {
    float* at = block.at + row * block.step;
    std::int64_t left = block.columns;
    for (; left >= lanes; left -= lanes, at += lanes) store(at, function(load(at), of));
    if (left > 0) store_first(at, function(load_first(at, left), of), left);
  }
}

// In the order of their names.
constexpr void (*functions[])(const Activation&, const Block&) = {
    each<Relu>, each<Clip>,     each<LeakyRelu>, each<Sigmoid>,     each<Tanh>, each<Silu>,
    each<Gelu>, each<GeluTanh>, each<Hardswish>, each<Hardsigmoid>, each<Elu>,
};

}  // namespace

void activate(const Activation& activation, const Block& block) { functions[int(activation.bend)](activation, block); }

}  // namespace striate::STRIATE_ISA
