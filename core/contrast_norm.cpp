#include "contrast_norm.h"

#include "pool.h"
#include "share.h"

#include <algorithm>
#include <vector>

namespace striate {
namespace {

constexpr std::int64_t samples_of_a_task = 1 << 14;

// How much of a window lies within an axis, where its middle is `at`.
double within(const float* weights, std::int64_t taps, std::int64_t size, std::int64_t at) {
  double inside = 0;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    const std::int64_t place = at + tap - taps / 2;
    if (place >= 0 && place < size) inside += double(weights[tap]);
  }
  return inside;
}

// 1 / how much lies within, for every row of all slices, and for every window of a row.
std::vector<float> covers_of_rows(const ContrastNorm& n) {
  std::vector<float> found;
  for (std::int64_t d = 0; d < n.d; ++d) {
    // Of one slice the window is what lies within it: there is no pass along the depth.
    const double deep = n.d > 1 ? within(n.deep, n.taps_d, n.d, d) : 1;
    for (std::int64_t h = 0; h < n.h; ++h) found.push_back(float(1 / (deep * within(n.down, n.taps_h, n.h, h))));
  }
  return found;
}
std::vector<float> covers_of_windows(const ContrastNorm& n) {
  std::vector<float> found;
  for (std::int64_t w = 0; w < n.w; ++w) {
    found.insert(found.end(), std::size_t(n.groups), float(1 / within(n.across, n.taps_w, n.w, w)));
  }
  return found;
}

// What all rows have on average, for each group, written to every window of a row. Rows are added in their order, on
// any number of threads.
void mean_of_rows(const ContrastNorm& norm, const float* sums, float* to) {
  for (std::int64_t group = 0; group < norm.groups; ++group) {
    double total = 0;
    for (std::int64_t row = 0; row < norm.rows(); ++row) total += double(sums[row * norm.groups + group]);
    for (std::int64_t w = group; w < norm.row(); w += norm.groups) to[w] = float(total / double(norm.rows() * norm.w));
  }
}

class Example {
 public:
  Example(const Kernels& kernels, const ContrastNorm& norm, const Contrast& contrast, int threads)
      : kernels_(kernels), norm_(norm), contrast_(contrast), threads_(threads) {
    rows_ = std::max<std::int64_t>(1, samples_of_a_task / (norm.row() * norm.maps));
    scratch_floats_ = kernels.contrast_norm_scratch(norm);
    scratch_.resize(std::size_t(threads * scratch_floats_));
  }

  void run() {
    const bool mean = !(norm_.threshold > 0);
    std::fill_n(contrast_.limit, norm_.row(), norm_.threshold);
    std::fill_n(contrast_.shared, norm_.row(), 0.0f);
    if (norm_.subtractive) step(Step::means), deep(Step::means_deep);
    step(Step::powers);
    if (norm_.divisive) {
      deep(Step::powers_deep);
      step(Step::deviations);
      if (mean) mean_of_rows(norm_, contrast_.sums, contrast_.limit);
    }
    if (!contrast_.gradient) return step(Step::normed);
    if (norm_.divisive) {
      step(Step::divisors);
      if (mean) mean_of_rows(norm_, contrast_.sums, contrast_.shared);
      step(Step::deviations_back);
      deep(Step::deviations_back_deep);
    }
    step(Step::powers_back);
    if (norm_.subtractive) deep(Step::powers_back_deep);
    step(Step::means_back);
  }

 private:
  void deep(Step which) {
    if (norm_.d > 1) step(which);
  }

  void step(Step step) {
    share(threads_, (norm_.rows() + rows_ - 1) / rows_, [&](std::int64_t task, int thread) {
      const Rows rows{task * rows_, std::min(norm_.rows(), (task + 1) * rows_)};
      kernels_.contrast_norm(norm_, contrast_, step, rows, scratch_.data() + thread * scratch_floats_);
    });
  }

  const Kernels& kernels_;
  const ContrastNorm& norm_;
  Contrast contrast_;
  int threads_;
  std::int64_t rows_, scratch_floats_;
  std::vector<float> scratch_;
};

}  // namespace

void contrast_norm(const Kernels& kernels, const ContrastNorm& norm, const float* x, const float* gradient, float* y,
                   int threads) {
  const std::vector<float> cover_h = covers_of_rows(norm), cover_w = covers_of_windows(norm);
  const std::int64_t windows = norm.windows(), samples = windows * norm.maps;
  const int outer = norm.n >= threads ? threads : 1, inner = norm.n >= threads ? 1 : threads;
  const std::int64_t maps = norm.d > 1 ? 6 : 5;
  const std::int64_t floats = maps * windows + norm.rows() * norm.groups + 2 * norm.row();
  std::vector<float> all(std::size_t(outer * floats));
  const auto one = [&](std::int64_t example, int thread) {
    float* at = all.data() + thread * floats;
    Contrast contrast{};
    contrast.x = x + example * samples;
    contrast.gradient = gradient ? gradient + example * samples : nullptr;
    contrast.y = y + example * samples;
    for (float** map : {&contrast.first, &contrast.surround, &contrast.second, &contrast.deviation, &contrast.third}) {
      *map = at;
      at += windows;
    }
    contrast.deep = norm.d > 1 ? at : nullptr;
    contrast.sums = norm.d > 1 ? at + windows : at;
    contrast.limit = contrast.sums + norm.rows() * norm.groups;
    contrast.shared = contrast.limit + norm.row();
    contrast.cover_h = cover_h.data();
    contrast.cover_w = cover_w.data();
    Example(kernels, norm, contrast, inner).run();
  };
  if (outer > 1) return share(outer, norm.n, one);
  // Not shared: what flushes denormal numbers here would be what the threads of each step begin with, and go back to.
  for (std::int64_t example = 0; example < norm.n; ++example) one(example, 0);
}

}  // namespace striate
