// Poolings and normalisations of every instruction set that runs here, against plain loops in double precision: values,
// every place that may be written and no other, the same bits whatever the batch and the threads.
#include "pool.h"
#include "contrast_norm.h"
#include "floats.h"
#include "isa.h"
#include "response_norm.h"

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

using namespace striate;

namespace {

using Places = std::vector<std::int64_t>;

// By every instruction set on one thread and on several, and for the last image alone: the same bits.
using Run = std::function<Floats(const Kernels&, int threads, bool alone)>;
std::vector<Floats> by_all(std::int64_t images, const Run& run) {
  std::vector<Floats> all;
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    const Floats one = run(*isa.kernels, 1, false);
    CHECK(same(run(*isa.kernels, 2, false), one));
    if (images > 0) {
      const Floats alone = run(*isa.kernels, 3, true);
      CHECK(same(alone, {one.end() - std::ptrdiff_t(alone.size()), one.end()}));
    }
    all.push_back(one);
  }
  return all;
}

Pool drawn_pool(Random& random) {
  Pool p{};
  p.n = drawn(random, 0, 3), p.c = drawn(random, 1, 40), p.h = drawn(random, 1, 12);
  p.w = drawn(random, 0, 3) ? drawn(random, 1, 40) : drawn(random, 100, 500);
  p.r = drawn(random, 1, 5), p.s = drawn(random, 1, 5);
  p.stride_h = drawn(random, 1, 4), p.stride_w = drawn(random, 1, 4);
  p.top = drawn(random, 0, p.r / 2), p.left = drawn(random, 0, p.s / 2);
  p.dilation_h = p.dilation_w = 1;
  p.last = drawn(random, 0, 1);
  // The last windows may reach beyond the image, but begin within it.
  p.p = drawn(random, 1, (p.h + p.top - 1) / p.stride_h + 1),
  p.q = drawn(random, 1, (p.w + p.left - 1) / p.stride_w + 1);
  return p;
}

std::int64_t place(const Pool& p, std::int64_t n, std::int64_t c, std::int64_t at, std::int64_t size) {
  return p.last ? (n * size + at) * p.c + c : (n * p.c + c) * size + at;
}

// Call `tap(image place, position, row-major place)` for every sample under every window of every map.
template <class Begin, class Tap>
void each_window(const Pool& p, const Begin& begin, const Tap& tap) {
  for (std::int64_t plane = 0; plane < p.n * p.c; ++plane) {
    for (std::int64_t position = 0; position < p.p * p.q; ++position) {
      const std::int64_t n = plane / p.c, c = plane % p.c, to = place(p, n, c, position, p.p * p.q);
      begin(to, position);
      for (std::int64_t r = 0; r < p.r; ++r) {
        for (std::int64_t s = 0; s < p.s; ++s) {
          const std::int64_t y = position / p.q * p.stride_h - p.top + r * p.dilation_h;
          const std::int64_t x = position % p.q * p.stride_w - p.left + s * p.dilation_w;
          if (y < 0 || y >= p.h || x < 0 || x >= p.w) continue;
          tap(place(p, n, c, y * p.w + x, p.h * p.w), to, y * p.w + x);
        }
      }
    }
  }
}

void check_max_pool(Random& random) {
  Pool p = drawn_pool(random);
  if (drawn(random, 0, 2) == 0) p.dilation_w = 2;
  const std::int64_t in = p.n * p.c * p.h * p.w, out = p.n * p.c * p.p * p.q;
  Floats x = normal(random, in);
  const std::int64_t kind = drawn(random, 0, 3);
  for (float& value : x) {
    if (kind == 0) value = std::round(value);
    if (kind == 1 && drawn(random, 0, 30) == 0) value = std::nanf("");
    if (kind == 2 && drawn(random, 0, 9)) value = -std::numeric_limits<float>::infinity();
  }
  Floats want(index(out));
  Places at(index(out), -1);
  each_window(
      p, [&](std::int64_t to, std::int64_t) { want[index(to)] = -std::numeric_limits<float>::infinity(); },
      [&](std::int64_t from, std::int64_t to, std::int64_t plane) {
        const float sample = x[index(from)];
        if (at[index(to)] >= 0 && !(sample > want[index(to)]) && !std::isnan(sample)) return;
        want[index(to)] = sample, at[index(to)] = plane;
      });
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    for (int threads = 1; threads < 3; ++threads) {
      Floats with;
      const Places found = written(out, std::int64_t(-7), [&](std::int64_t* places) {
        with = floats(out, [&](float* y) { max_pool(*isa.kernels, p, x.data(), y, places, threads); });
      });
      const Floats y = floats(out, [&](float* to) { max_pool(*isa.kernels, p, x.data(), to, nullptr, threads); });
      for (std::int64_t i = 0; i < out; ++i) {
        const float right = want[index(i)];
        CHECK(std::isnan(right) ? std::isnan(y[index(i)]) && std::isnan(with[index(i)])
                                : y[index(i)] == right && with[index(i)] == right);
        if (at[index(i)] >= 0) CHECK(found[index(i)] == at[index(i)]);
      }
      // And back, where every window has a sample.
      bool all = true;
      for (const std::int64_t each : at) all = all && each >= 0;
      if (!all) continue;
      for (const bool last_wins : {false, true}) {
        std::vector<double> sums(index(in));
        const Floats y2 = normal(random, out);
        each_window(
            p,
            [&](std::int64_t to, std::int64_t) {
              const std::int64_t plane = p.last ? to / (p.p * p.q * p.c) : to / (p.p * p.q);
              const std::int64_t n = p.last ? plane : plane / p.c, c = p.last ? to % p.c : plane % p.c;
              double& sum = sums[index(place(p, n, c, at[index(to)], p.h * p.w))];
              sum = (last_wins ? 0 : sum) + double(y2[index(to)]);
            },
            [](std::int64_t, std::int64_t, std::int64_t) {});
        const Floats back =
            floats(in, [&](float* to) { unpool(*isa.kernels, p, y2.data(), at.data(), to, last_wins, threads); });
        close(back, sums, 1e-5);
      }
    }
  }
}

void check_avg_pool(Random& random) {
  const Pool p = drawn_pool(random);
  const Mean mean{drawn(random, 0, 2) ? 0 : drawn(random, 1, 9), bool(drawn(random, 0, 1)), drawn(random, 0, p.r / 2),
                  drawn(random, 0, p.s / 2)};
  const std::int64_t in = p.n * p.c * p.h * p.w, out = p.n * p.c * p.p * p.q;
  const auto counted = [&](std::int64_t position) {
    if (mean.divisor) return double(mean.divisor);
    const std::int64_t y = position / p.q * p.stride_h - p.top, x = position % p.q * p.stride_w - p.left;
    const std::int64_t down =
        std::min(y + p.r, p.h + (mean.padding ? mean.bottom : 0)) - (mean.padding ? y : std::max<std::int64_t>(y, 0));
    const std::int64_t across =
        std::min(x + p.s, p.w + (mean.padding ? mean.right : 0)) - (mean.padding ? x : std::max<std::int64_t>(x, 0));
    return double(down * across);
  };
  const Floats x = normal(random, in), g = normal(random, out);
  std::vector<double> want(index(out)), slope(index(in));
  double count = 1;
  each_window(
      p, [&](std::int64_t, std::int64_t position) { count = counted(position); },
      [&](std::int64_t from, std::int64_t to, std::int64_t) {
        want[index(to)] += double(x[index(from)]) / count;
        slope[index(from)] += double(g[index(to)]) / count;
      });
  const auto run = [&](const Floats& from, std::int64_t size_in, std::int64_t size_out, const auto& work) {
    return by_all(p.n, [&](const Kernels& kernels, int threads, bool alone) {
      Pool some = p;
      if (alone) some.n = 1;
      const std::int64_t skip = alone ? (p.n - 1) * size_in : 0;
      return floats(some.n * size_out, [&](float* to) { work(kernels, some, from.data() + skip, to, threads); });
    });
  };
  const std::int64_t image = p.c * p.h * p.w, positions = p.c * p.p * p.q;
  for (const Floats& y :
       run(x, image, positions, [&](const Kernels& k, const Pool& some, const float* from, float* to, int threads) {
         avg_pool(k, some, mean, from, to, threads);
       }))
    close(y, want, 1e-5);
  for (const Floats& back :
       run(g, positions, image, [&](const Kernels& k, const Pool& some, const float* from, float* to, int threads) {
         avg_pool_gradient(k, some, mean, from, to, threads);
       }))
    close(back, slope, 1e-5);
}

void check_response_norm(Random& random) {
  ResponseNorm norm{drawn(random, 0, 3),
                    drawn(random, 1, 40),
                    drawn(random, 1, 700),
                    bool(drawn(random, 0, 1)),
                    0,
                    0,
                    0.3,
                    0.75,
                    1.0};
  norm.before = drawn(random, 0, std::min<std::int64_t>(norm.c, 6));
  norm.after = drawn(random, 0, std::min<std::int64_t>(norm.c, 6));
  if (drawn(random, 0, 1)) norm.beta = 0.1 * double(drawn(random, -5, 20));
  const std::int64_t image = norm.c * norm.positions, count = norm.n * image;
  const Floats x = normal(random, count), g = normal(random, count);
  std::vector<double> strength(index(count)), want(index(count)), slope(index(count));
  const auto at = [&](std::int64_t i, std::int64_t c, std::int64_t j) {  // of the sample's own map `c`, map `j` there
    return index(i + (j - c) * (norm.last ? 1 : norm.positions));
  };
  const auto map = [&](std::int64_t i) { return norm.last ? i % norm.c : i / norm.positions % norm.c; };
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t c = map(i);
    double sum = norm.k;
    for (std::int64_t j = std::max<std::int64_t>(0, c - norm.before); j <= std::min(norm.c - 1, c + norm.after); ++j)
      sum += norm.share * std::pow(double(x[at(i, c, j)]), 2);
    strength[index(i)] = sum;
    want[index(i)] = double(x[index(i)]) * std::pow(sum, -norm.beta);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t c = map(i);
    slope[index(i)] = double(g[index(i)]) * std::pow(strength[index(i)], -norm.beta);
    for (std::int64_t j = std::max<std::int64_t>(0, c - norm.after); j <= std::min(norm.c - 1, c + norm.before); ++j) {
      const std::size_t other = at(i, c, j);
      slope[index(i)] -= 2 * norm.share * norm.beta * double(x[index(i)]) * double(g[other]) * double(x[other]) *
                         std::pow(strength[other], -norm.beta - 1);
    }
  }
  const auto run = [&](bool gradient) {
    return by_all(norm.n, [&](const Kernels& kernels, int threads, bool alone) {
      ResponseNorm some = norm;
      if (alone) some.n = 1;
      const std::int64_t skip = alone ? (norm.n - 1) * image : 0;
      return floats(some.n * image, [&](float* to) {
        gradient ? response_norm_gradient(kernels, some, x.data() + skip, g.data() + skip, to, threads)
                 : response_norm(kernels, some, x.data() + skip, to, threads);
      });
    });
  };
  for (const Floats& y : run(false)) close(y, want, 1e-6);
  for (const Floats& back : run(true)) close(back, slope, 1e-5);
}

// The definition, sample by sample; maps of planes or of pixels.
struct Definition {
  const ContrastNorm& n;

  // `h` counts the rows of all slices.
  double window(const std::function<double(std::int64_t, std::int64_t)>& value, std::int64_t h, std::int64_t w) const {
    double sum = 0, inside = 0;
    for (std::int64_t row = 0; row < n.rows(); ++row) {
      for (std::int64_t x = 0; x < n.w; ++x) {
        const std::int64_t d = row / n.h - h / n.h + n.taps_d / 2, r = row % n.h - h % n.h + n.taps_h / 2;
        const std::int64_t s = x - w + n.taps_w / 2;
        if (std::min({d, r, s}) < 0 || d >= n.taps_d || r >= n.taps_h || s >= n.taps_w) continue;
        const double weight = double(n.deep[d]) * double(n.down[r]) * double(n.across[s]);
        sum += weight * value(row, x);
        inside += weight;
      }
    }
    return sum / inside;
  }

  std::size_t at(std::int64_t example, std::int64_t map, std::int64_t h, std::int64_t w, std::int64_t group) const {
    const std::int64_t base = example * n.maps * n.windows();
    if (n.pixels) return index(base + (h * n.w + w) * n.maps + map);
    return index(base + ((map * n.rows() + h) * n.w + w) * n.groups + group);
  }

  void normalise(const std::vector<double>& x, std::int64_t e, std::int64_t g, std::vector<double>& y) const {
    std::vector<double> v(index(n.maps * n.rows() * n.w)), deviation(index(n.rows() * n.w));
    const auto own = [&](std::int64_t m, std::int64_t h, std::int64_t w) {
      return index((m * n.rows() + h) * n.w + w);
    };
    const auto each = [&](const auto& work) {
      for (std::int64_t h = 0; h < n.rows(); ++h)
        for (std::int64_t w = 0; w < n.w; ++w) work(h, w);
    };
    const auto mean = [&](const auto& value) {
      return [&](std::int64_t h, std::int64_t w) {
        double sum = 0;
        for (std::int64_t m = 0; m < n.maps; ++m) sum += value(m, h, w);
        return sum / double(n.maps);
      };
    };
    const auto sample = [&](std::int64_t m, std::int64_t h, std::int64_t w) { return x[at(e, m, h, w, g)]; };
    each([&](std::int64_t h, std::int64_t w) {
      const double surround = n.subtractive ? window(mean(sample), h, w) : 0;
      for (std::int64_t m = 0; m < n.maps; ++m) v[own(m, h, w)] = sample(m, h, w) - surround;
    });
    const auto square = [&](std::int64_t m, std::int64_t h, std::int64_t w) { return std::pow(v[own(m, h, w)], 2); };
    double limit = 0;
    each([&](std::int64_t h, std::int64_t w) {
      deviation[own(0, h, w)] = std::sqrt(window(mean(square), h, w));
      limit += deviation[own(0, h, w)] / double(n.rows() * n.w);
    });
    if (n.threshold > 0) limit = double(n.threshold);
    each([&](std::int64_t h, std::int64_t w) {
      const double divisor = n.divisive ? std::max(limit, deviation[own(0, h, w)]) : 1;
      for (std::int64_t m = 0; m < n.maps; ++m) y[at(e, m, h, w, g)] = v[own(m, h, w)] / divisor;
    });
  }

  std::vector<double> operator()(const std::vector<double>& x) const {
    std::vector<double> y(x.size());
    for (std::int64_t e = 0; e < n.n; ++e)
      for (std::int64_t g = 0; g < n.groups; ++g) normalise(x, e, g, y);
    return y;
  }
};

void check_contrast_norm(Random& random) {
  const Floats weights[] = {{1}, {0.25f, 0.5f, 0.25f}, {0.1f, 0.2f, 0.4f, 0.2f, 0.1f}};
  const Floats &deep = weights[drawn(random, 0, 2)], &down = weights[drawn(random, 0, 2)];
  const Floats& across = weights[drawn(random, 1, 2)];
  ContrastNorm n{};
  n.n = drawn(random, 0, 3), n.h = drawn(random, 1, 7), n.w = drawn(random, 2, 20), n.maps = drawn(random, 1, 20);
  n.groups = 1, n.d = drawn(random, 0, 1) ? 1 : drawn(random, 2, 4);
  if (drawn(random, 0, 2) == 0) std::swap(n.maps, n.groups);
  n.pixels = n.groups == 1 && drawn(random, 0, 1);
  n.deep = deep.data(), n.taps_d = std::int64_t(deep.size());
  n.down = down.data(), n.across = across.data();
  n.taps_h = std::int64_t(down.size()), n.taps_w = std::int64_t(across.size());
  n.subtractive = drawn(random, 0, 3), n.divisive = !n.subtractive || drawn(random, 0, 3);
  n.threshold = drawn(random, 0, 1) ? 0.5f : 0.0f;
  const std::int64_t image = n.maps * n.windows(), count = n.n * image;
  const Floats x = normal(random, count), g = normal(random, count), direction = normal(random, count);
  const std::vector<double> exact(x.begin(), x.end());
  const Definition define{n};
  const auto run = [&](bool gradient) {
    return by_all(n.n, [&](const Kernels& kernels, int threads, bool alone) {
      ContrastNorm some = n;
      if (alone) some.n = 1;
      const std::int64_t skip = alone ? (n.n - 1) * image : 0;
      return floats(some.n * image, [&](float* to) {
        contrast_norm(kernels, some, x.data() + skip, gradient ? g.data() + skip : nullptr, to, threads);
      });
    });
  };
  for (const Floats& y : run(false)) close(y, define(exact), 1e-4);
  // Of the gradient, what it says of one direction; the definition says it by a difference.
  constexpr double step = 1e-6;
  std::vector<double> ahead = exact, behind = exact;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    ahead[i] += step * double(direction[i]), behind[i] -= step * double(direction[i]);
  }
  const std::vector<double> high = define(ahead), low = define(behind);
  double want = 0, size = 1e-3;
  for (std::size_t i = 0; i < exact.size(); ++i) want += (high[i] - low[i]) / (2 * step) * double(g[i]);
  for (const Floats& back : run(true)) {
    double got = 0;
    for (std::size_t i = 0; i < back.size(); ++i) {
      got += double(back[i]) * double(direction[i]);
      size += std::abs(double(back[i]) * double(direction[i]));
    }
    CHECK(std::abs(got - want) <= 1e-3 * size);
  }
}

}  // namespace

int main() {
  Random random(0);
  for (int i = 0; i < 60; ++i) {
    check_max_pool(random);
    check_avg_pool(random);
    check_response_norm(random);
    check_contrast_norm(random);
  }
  std::printf("pool_test: %d checks\n", checks);
}
