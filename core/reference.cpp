// Convolution by its definition: plain loops, sums in more digits than the numbers have. What every other algorithm is
// compared with.
#include "conv.h"

namespace striate {
namespace {

template <class Number>
struct Summed {
  using Sum = double;
};
template <>
struct Summed<double> {
  using Sum = long double;
};
template <class Number>
using Sum = Summed<Number>::Sum;

const char* refuses(const Problem&) { return nullptr; }

double cost(const Problem& p, int) { return 100.0 * double(p.multiply_adds()); }

std::int64_t prepared(const Problem& p) { return p.k * p.r * p.s * p.c_per_group(); }

std::int64_t workspace(const Problem&, int) { return 0; }

template <class Number>
void prepare(const Problem& p, const WeightsOf<Number>& w, Number* to, int) {
  for (std::int64_t k = 0; k < p.k; ++k) {
    for (std::int64_t r = 0; r < p.r; ++r) {
      for (std::int64_t s = 0; s < p.s; ++s) {
        const Number* from = w.at + k / p.k_per_group() * w.g + k % p.k_per_group() * w.k + r * w.r + s * w.s;
        for (std::int64_t c = 0; c < p.c_per_group(); ++c) *to++ = from[c * w.c];
      }
    }
  }
}

template <class Number>
Sum<Number> sum(const Problem& p, const Number* x, const Number* weights, std::int64_t k, std::int64_t top,
                std::int64_t left) {
  const std::int64_t first = k / p.k_per_group() * p.c_per_group();
  Sum<Number> total = 0;
  for (std::int64_t r = 0; r < p.r; ++r) {
    for (std::int64_t s = 0; s < p.s; ++s) {
      const std::int64_t y = top + r * p.dilation_h, at = left + s * p.dilation_w;
      if (y < 0 || y >= p.h || at < 0 || at >= p.w) continue;
      for (std::int64_t c = 0; c < p.c_per_group(); ++c) {
        const Number weight = weights[((k * p.r + r) * p.s + s) * p.c_per_group() + c];
        total += Sum<Number>(x[(y * p.w + at) * p.c + first + c]) * Sum<Number>(weight);
      }
    }
  }
  return total;
}

template <class Number>
void run(const Problem& p, const TensorsOf<Number>& t, const Number* prepared, std::byte*, int) {
  for (std::int64_t out = 0; out < p.n * p.p() * p.q(); ++out) {
    const std::int64_t n = out / (p.p() * p.q()), row = out / p.q() % p.p(), column = out % p.q();
    for (std::int64_t k = 0; k < p.k; ++k) {
      const std::int64_t place = t.place(n, row, column) + k;
      Sum<Number> value =
          sum(p, t.x + n * p.h * p.w * p.c, prepared, k, row * p.stride_h - p.top, column * p.stride_w - p.left);
      if (t.bias) value += Sum<Number>(t.bias[k]);
      if (t.residual) value += Sum<Number>(t.residual[place]);
      if (p.relu && value < 0) value = 0;
      t.y[place] = Number(t.then ? Sum<Number>(bent(double(value), *t.then)) : value);
    }
  }
}

template <class Number>
Sum<Number> sum(const Problem& p, const Number* x, const Number* gradient, std::int64_t k, std::int64_t channel,
                std::int64_t r, std::int64_t s) {
  Sum<Number> total = 0;
  for (std::int64_t out = 0; out < p.n * p.p() * p.q(); ++out) {
    const std::int64_t n = out / (p.p() * p.q()), row = out / p.q() % p.p(), column = out % p.q();
    const std::int64_t y = row * p.stride_h - p.top + r * p.dilation_h;
    const std::int64_t at = column * p.stride_w - p.left + s * p.dilation_w;
    if (y < 0 || y >= p.h || at < 0 || at >= p.w) continue;
    total += Sum<Number>(x[((n * p.h + y) * p.w + at) * p.c + channel]) * Sum<Number>(gradient[out * p.k + k]);
  }
  return total;
}

template <class Number>
void weight_gradient(const Problem& p, const Number* x, const Number* gradient, const WeightsOutOf<Number>& to,
                     std::byte*, int) {
  for (std::int64_t k = 0; k < p.k; ++k) {
    const std::int64_t group = k / p.k_per_group();
    for (std::int64_t c = 0; c < p.c_per_group(); ++c) {
      Number* kernel = to.at + group * to.g + k % p.k_per_group() * to.k + c * to.c;
      for (std::int64_t r = 0; r < p.r; ++r) {
        for (std::int64_t s = 0; s < p.s; ++s) {
          kernel[r * to.r + s * to.s] = Number(sum(p, x, gradient, k, group * p.c_per_group() + c, r, s));
        }
      }
    }
  }
}

}  // namespace

template <class Number>
const WeightGradientOf<Number> Reference<Number>::weight_gradient{"reference", refuses, cost, workspace,
                                                                  striate::weight_gradient<Number>};
template <class Number>
const AlgorithmOf<Number> Reference<Number>::convolution{"reference", refuses,         cost,       prepared,
                                                         workspace,   prepare<Number>, run<Number>};
template struct Reference<float>;
template struct Reference<double>;

}  // namespace striate
