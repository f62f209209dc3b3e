// Convolution by its definition: plain loops, sums in double. What every other algorithm is compared with.
#include "conv.h"

namespace striate {
namespace {

const char* refuses(const Problem&) { return nullptr; }

double cost(const Problem& p, int) { return 100.0 * double(p.multiply_adds()); }

std::int64_t prepared(const Problem& p) { return p.k * p.r * p.s * p.c_per_group(); }

std::int64_t workspace(const Problem&, int) { return 0; }

void prepare(const Problem& p, const Weights& w, float* to, int) {
  for (std::int64_t k = 0; k < p.k; ++k) {
    for (std::int64_t r = 0; r < p.r; ++r) {
      for (std::int64_t s = 0; s < p.s; ++s) {
        const float* from = w.at + k / p.k_per_group() * w.g + k % p.k_per_group() * w.k + r * w.r + s * w.s;
        for (std::int64_t c = 0; c < p.c_per_group(); ++c) *to++ = from[c * w.c];
      }
    }
  }
}

double sum(const Problem& p, const float* x, const float* weights, std::int64_t k, std::int64_t top,
           std::int64_t left) {
  const std::int64_t first = k / p.k_per_group() * p.c_per_group();
  double total = 0;
  for (std::int64_t r = 0; r < p.r; ++r) {
    for (std::int64_t s = 0; s < p.s; ++s) {
      const std::int64_t y = top + r * p.dilation_h, at = left + s * p.dilation_w;
      if (y < 0 || y >= p.h || at < 0 || at >= p.w) continue;
      for (std::int64_t c = 0; c < p.c_per_group(); ++c) {
        const float weight = weights[((k * p.r + r) * p.s + s) * p.c_per_group() + c];
        total += double(x[(y * p.w + at) * p.c + first + c]) * double(weight);
      }
    }
  }
  return total;
}

void run(const Problem& p, const Tensors& t, const float* prepared, std::byte*, int) {
  for (std::int64_t out = 0; out < p.n * p.p() * p.q(); ++out) {
    const std::int64_t n = out / (p.p() * p.q()), row = out / p.q() % p.p(), column = out % p.q();
    for (std::int64_t k = 0; k < p.k; ++k) {
      const std::int64_t place = t.place(n, row, column) + k;
      double value =
          sum(p, t.x + n * p.h * p.w * p.c, prepared, k, row * p.stride_h - p.top, column * p.stride_w - p.left);
      if (t.bias) value += double(t.bias[k]);
      if (t.residual) value += double(t.residual[place]);
      if (p.relu && value < 0) value = 0;
      t.y[place] = float(t.then ? bent(value, *t.then) : value);
    }
  }
}

double sum(const Problem& p, const float* x, const float* gradient, std::int64_t k, std::int64_t channel,
           std::int64_t r, std::int64_t s) {
  double total = 0;
  for (std::int64_t out = 0; out < p.n * p.p() * p.q(); ++out) {
    const std::int64_t n = out / (p.p() * p.q()), row = out / p.q() % p.p(), column = out % p.q();
    const std::int64_t y = row * p.stride_h - p.top + r * p.dilation_h;
    const std::int64_t at = column * p.stride_w - p.left + s * p.dilation_w;
    if (y < 0 || y >= p.h || at < 0 || at >= p.w) continue;
    total += double(x[((n * p.h + y) * p.w + at) * p.c + channel]) * double(gradient[out * p.k + k]);
  }
  return total;
}

void weight_gradient(const Problem& p, const float* x, const float* gradient, const WeightsOut& to, std::byte*, int) {
  for (std::int64_t k = 0; k < p.k; ++k) {
    const std::int64_t group = k / p.k_per_group();
    for (std::int64_t c = 0; c < p.c_per_group(); ++c) {
      float* kernel = to.at + group * to.g + k % p.k_per_group() * to.k + c * to.c;
      for (std::int64_t r = 0; r < p.r; ++r) {
        for (std::int64_t s = 0; s < p.s; ++s) {
          kernel[r * to.r + s * to.s] = float(sum(p, x, gradient, k, group * p.c_per_group() + c, r, s));
        }
      }
    }
  }
}

}  // namespace

extern const WeightGradient reference_weight_gradient;
const WeightGradient reference_weight_gradient{"reference", refuses, cost, workspace, weight_gradient};

extern const Algorithm reference;
const Algorithm reference{"reference", refuses, cost, prepared, workspace, prepare, run};

}  // namespace striate
