// Local response normalisation and its gradient. Neither is bound by memory: what takes the time is the power.
//
// The gradient of one sample is
//   gradient[i] * f[i] - 2 * share * beta * x[i] * Σ t[j],   f = d ** -beta,   t = gradient * x * f / d
// over the maps j whose windows hold it: those of its own window turned round.
#include "../response_norm.h"
#include "../pool.h"
#include "power.h"

namespace striate::STRIATE_ISA {
namespace {

std::int64_t window(const ResponseNorm& n) { return n.before + n.after + 1; }

// Numbers of a pixel with room around them for a window, and for what is left over of a vector.
std::int64_t pitch(const ResponseNorm& n) { return n.before + n.after + rounded_up(n.c, lanes) + lanes; }

constexpr std::int64_t pixels = 8;  // of channels last that are computed together: stores are then done before loads

Vector sum(const float* from, std::int64_t count, std::int64_t step) {
  Vector total = load(from);
  for (std::int64_t j = 1; j < count; ++j) total += load(from += step);
  return total;
}

// One vector of samples: what their squares sum up to, and what follows of it.
template <class Power>
struct Norm {
  float share, k, beta;
  Power quickly;

  Vector strength(Vector squares) const { return squares * share + k; }
  Vector factor(Vector d) const { return power(d, beta, quickly); }
};

template <class Power>
void last_forward(const ResponseNorm& n, const Norm<Power>& norm, const float* x, float* y, std::int64_t count,
                  float* squares) {
  const std::int64_t step = pitch(n);
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    for (std::int64_t c = 0; c < n.c; c += lanes) {
      const Vector sample = load_first(x + pixel * n.c + c, n.c - c);
      store(squares + pixel * step + n.before + c, sample * sample);
    }
  }
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    for (std::int64_t c = 0; c < n.c; c += lanes) {
      const Vector d = norm.strength(sum(squares + pixel * step + c, window(n), 1));
      const std::int64_t at = pixel * n.c + c, rest = n.c - c;
      store_first(y + at, load_first(x + at, rest) * norm.factor(d), rest);
    }
  }
}

template <class Power>
void last_backward(const ResponseNorm& n, const Norm<Power>& norm, const float* x, const float* gradient, float* to,
                   std::int64_t count, float* squares) {
  const std::int64_t step = pitch(n);
  float* const terms = squares + pixels * step;
  float* const factors = terms + pixels * step;
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    for (std::int64_t c = 0; c < n.c; c += lanes) {
      const Vector sample = load_first(x + pixel * n.c + c, n.c - c);
      store(squares + pixel * step + n.before + c, sample * sample);
    }
  }
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    for (std::int64_t c = 0; c < n.c; c += lanes) {
      const Vector d = norm.strength(sum(squares + pixel * step + c, window(n), 1)), f = norm.factor(d);
      const std::int64_t at = pixel * n.c + c, rest = n.c - c;
      store(factors + pixel * step + c, f);
      store_first(terms + pixel * step + n.after + c,
                  load_first(x + at, rest) * load_first(gradient + at, rest) * f / d, rest);
    }
  }
  const float twice = float(2 * n.share * n.beta);
  for (std::int64_t pixel = 0; pixel < count; ++pixel) {
    for (std::int64_t c = 0; c < n.c; c += lanes) {
      const std::int64_t at = pixel * n.c + c, rest = n.c - c;
      const Vector own = load_first(gradient + at, rest) * load(factors + pixel * step + c);
      const Vector others = sum(terms + pixel * step + c, window(n), 1);
      store_first(to + at, own - load_first(x + at, rest) * twice * others, rest);
    }
  }
}

// What the squares of the maps around `c` sum up to, for a vector of positions.
Vector squares(const ResponseNorm& n, const float* x, std::int64_t c, std::int64_t rest) {
  const std::int64_t first = most(0, c - n.before), end = least(n.c, c + n.after + 1);
  Vector total = {};
  for (std::int64_t j = first; j < end; ++j) {
    const Vector sample = load_first(x + j * n.positions, rest);
    total += sample * sample;
  }
  return total;
}

template <class Power>
void first_forward(const ResponseNorm& n, const Norm<Power>& norm, const float* x, float* y, std::int64_t count) {
  for (std::int64_t c = 0; c < n.c; ++c) {
    for (std::int64_t i = 0; i < count; i += lanes) {
      const Vector d = norm.strength(squares(n, x + i, c, count - i));
      const std::int64_t at = c * n.positions + i;
      store_first(y + at, load_first(x + at, count - i) * norm.factor(d), count - i);
    }
  }
}

// The maps that a window may still ask for are kept in a ring.
template <class Power>
void first_backward(const ResponseNorm& n, const Norm<Power>& norm, const float* x, const float* gradient, float* to,
                    std::int64_t count, float* terms) {
  const std::int64_t wide = rounded_up(count, lanes);
  float* const factors = terms + window(n) * wide;
  const float twice = float(2 * n.share * n.beta);
  for (std::int64_t j = 0; j < n.c + n.before; ++j) {
    const std::int64_t slot = j % window(n) * wide, c = j - n.before, own = c < 0 ? 0 : c % window(n) * wide;
    const std::int64_t first = most(0, c - n.after), end = least(n.c, j + 1);
    for (std::int64_t i = 0; i < count; i += lanes) {
      const std::int64_t rest = count - i;
      if (j < n.c) {
        const std::int64_t at = j * n.positions + i;
        const Vector d = norm.strength(squares(n, x + i, j, rest)), f = norm.factor(d);
        store(factors + slot + i, f);
        store(terms + slot + i, load_first(x + at, rest) * load_first(gradient + at, rest) * f / d);
      }
      if (c >= 0) {
        const std::int64_t at = c * n.positions + i;
        Vector others = {};
        std::int64_t from = first % window(n);
        for (std::int64_t each = first; each < end; ++each) {
          others += load(terms + from * wide + i);
          if (++from == window(n)) from = 0;
        }
        const Vector gone = load_first(gradient + at, rest) * load(factors + own + i);
        store_first(to + at, gone - load_first(x + at, rest) * twice * others, rest);
      }
    }
  }
}

template <class Power>
void run(const ResponseNorm& n, const Power& quickly, const float* x, const float* gradient, float* y, const Rows& at,
         float* scratch) {
  const Norm<Power> norm{float(n.share), float(n.k), float(n.beta), quickly};
  const std::int64_t count = at.end - at.first;
  if (!n.last) {
    return gradient ? first_backward(n, norm, x + at.first, gradient + at.first, y + at.first, count, scratch)
                    : first_forward(n, norm, x + at.first, y + at.first, count);
  }
  for (std::int64_t i = 0; i < 3 * pixels * pitch(n); ++i) scratch[i] = 0;
  for (std::int64_t pixel = at.first; pixel < at.end; pixel += pixels) {
    const std::int64_t some = least(pixels, at.end - pixel), from = pixel * n.c;
    gradient ? last_backward(n, norm, x + from, gradient + from, y + from, some, scratch)
             : last_forward(n, norm, x + from, y + from, some, scratch);
  }
}

}  // namespace

std::int64_t response_norm_scratch(const ResponseNorm& n, std::int64_t positions) {
  return n.last ? 3 * pixels * pitch(n) : 2 * window(n) * rounded_up(positions, lanes);
}

void response_norm(const ResponseNorm& n, const float* x, const float* gradient, float* y, const Rows& positions,
                   float* scratch) {
  n.beta == 0.75 ? run(n, ThreeQuarters{}, x, gradient, y, positions, scratch)
                 : run(n, AnyPower{n.beta}, x, gradient, y, positions, scratch);
}

}  // namespace striate::STRIATE_ISA
