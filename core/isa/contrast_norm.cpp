// Local contrast normalisation and its gradient: steps over rows. Of each step only what a window needs of other rows
// is kept; a row of the input, which may have many maps, is read once a step.
#include "../contrast_norm.h"
#include "../pool.h"
#include "power.h"
#include "vector.h"

namespace striate::STRIATE_ISA {
namespace {

// Some samples, where they lie and which windows are theirs.
template <bool pixels>
struct Spot {
  std::int64_t at, window, count;

  Vector sample(const float* from) const { return load_first(from + at, count); }
  // Of a row of windows: a vector of them, or one for all maps of a pixel.
  Vector of(const float* windows) const {
    return pixels ? spread(windows[window]) : load_first(windows + window, count);
  }
};

Vector first_of(Vector value, std::int64_t count) {
  if (count >= lanes) return value;
  alignas(vector_bytes) float numbers[lanes] = {};
  store_first(numbers, value, count);
  return load(numbers);
}

float total(Vector value) {
  alignas(vector_bytes) float numbers[lanes];
  store(numbers, value);
  for (int width = lanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) numbers[i] += numbers[i + width];
  }
  return numbers[0];
}

// Sum over the maps, for each window of a row.
template <bool pixels, class Term>
void sum_maps(const ContrastNorm& n, std::int64_t row, float* to, const Term& term) {
  const std::int64_t wide = n.row();
  if constexpr (pixels) {
    for (std::int64_t w = 0; w < wide; ++w) {
      Vector sum = {};
      for (std::int64_t m = 0; m < n.maps; m += lanes) {
        const std::int64_t rest = n.maps - m;
        sum += first_of(term(Spot<true>{(row * wide + w) * n.maps + m, w, rest}), rest);
      }
      to[w] = total(sum);
    }
  } else {
    for (std::int64_t w = 0; w < wide; w += lanes) {
      Vector sum = {};
      for (std::int64_t m = 0; m < n.maps; ++m) sum += term(Spot<false>{(m * n.rows() + row) * wide + w, w, wide - w});
      store_first(to + w, sum, wide - w);
    }
  }
}

// A value for every sample of a row.
template <bool pixels, class Value>
void each_sample(const ContrastNorm& n, std::int64_t row, float* to, const Value& value) {
  const std::int64_t wide = n.row(), outer = pixels ? wide : n.maps, inner = pixels ? n.maps : wide;
  for (std::int64_t i = 0; i < outer; ++i) {
    for (std::int64_t j = 0; j < inner; j += lanes) {
      const std::int64_t at = (pixels ? row * wide + i : i * n.rows() + row) * inner + j;
      store_first(to + at, value(Spot<pixels>{at, pixels ? i : j, inner - j}), inner - j);
    }
  }
}

// A value for every window of a row.
template <class Value>
void each_window(const ContrastNorm& n, float* to, const Value& value) {
  for (std::int64_t w = 0; w < n.row(); w += lanes) {
    store_first(to + w, value(Spot<false>{w, w, n.row() - w}), n.row() - w);
  }
}

// The scratch of a thread: rows of windows, the first with room for zeros around.
struct Scratch {
  float *padded, *inside, *inverse, *other;
};
std::int64_t margin(const ContrastNorm& n) { return n.taps_w / 2 * n.groups; }
std::int64_t padded_floats(const ContrastNorm& n) { return rounded_up(n.row() + 2 * margin(n) + lanes, lanes); }
Scratch rows_of(const ContrastNorm& n, float* scratch) {
  float* const after = scratch + padded_floats(n);
  const std::int64_t wide = rounded_up(n.row(), lanes);
  for (std::int64_t i = 0; i < padded_floats(n); ++i) scratch[i] = 0;
  return {scratch, scratch + margin(n), after, after + wide};
}

// Weighted sums of `taps` rows of numbers, `step` apart: of so many vectors side by side, so that there are always
// additions that need not wait for one another.
template <int vectors, class Read>
void weigh(const float* weights, std::int64_t taps, const float* from, std::int64_t step, Vector* sum,
           const Read& read) {
  for (int i = 0; i < vectors; ++i) sum[i] = Vector{};
  for (std::int64_t tap = 0; tap < taps; ++tap, from += step) {
    const Vector weight = spread(weights[tap]);
#pragma GCC unroll 4
    for (int i = 0; i < vectors; ++i) sum[i] += weight * read(from + i * lanes);
  }
}

// One pass of the window, for a row of windows: times `factor`, and `by_window` if there is one.
void slide(const float* weights, std::int64_t taps, const float* from, std::int64_t step, std::int64_t count,
           const float* by_window, float factor, float* to) {
  constexpr int some = 4;
  const auto whole = [](const float* at) { return load(at); };
  Vector sum[some];
  std::int64_t w = 0;
  for (; w + some * lanes <= count; w += some * lanes) {
    weigh<some>(weights, taps, from + w, step, sum, whole);
    for (int i = 0; i < some; ++i) {
      const std::int64_t at = w + i * lanes;
      store(to + at, sum[i] * (by_window ? load(by_window + at) * factor : spread(factor)));
    }
  }
  for (; w < count; w += lanes) {
    const std::int64_t rest = count - w;
    weigh<1>(weights, taps, from + w, step, sum, [rest](const float* at) { return load_first(at, rest); });
    store_first(to + w, sum[0] * (by_window ? load_first(by_window + w, rest) * factor : spread(factor)), rest);
  }
}

// The pass along a row that lies in the scratch.
void slide_across(const ContrastNorm& n, const Scratch& s, const float* by_window, float factor, float* to) {
  slide(n.across, n.taps_w, s.padded, n.groups, n.row(), by_window, factor, to);
}

// One axis of the rows of a map, and the pass along it: rows that are neighbours there are `step` of all rows apart.
struct Axis {
  const float* weights;
  std::int64_t taps, size, step;
};
void slide_rows(const ContrastNorm& n, const Axis& axis, const float* map, std::int64_t row, float factor, float* to) {
  const std::int64_t before = axis.taps / 2, at = row / axis.step % axis.size;
  const std::int64_t first = most(0, before - at), end = least(axis.taps, axis.size - at + before);
  const float* from = map + (row + (first - before) * axis.step) * n.row();
  slide(axis.weights + first, end - first, from, axis.step * n.row(), n.row(), nullptr, factor, to);
}

// How small a power is none: rounding error of the subtraction, or so small that its derivatives would overflow.
Vector least_power(const ContrastNorm& n, Vector surround) {
  const float roundings = float(8 + n.taps_d + n.taps_h + n.taps_w) * 0x1p-23f;
  const Vector error = surround * roundings, square = error * error;
  const Vector least = spread(0x1p-63f);
  return square > least ? square : least;
}

// One over the divisors of a row; 0 where a divisor is.
void find_inverse(const ContrastNorm& n, const Contrast& c, std::int64_t row, float* to) {
  if (!n.divisive) return each_window(n, to, [](const auto&) { return spread(1.0f); });
  each_window(n, to, [&](const auto& spot) {
    const Vector deviation = spot.of(c.deviation + row * n.row()), limit = spot.of(c.limit);
    const Vector divisor = deviation < limit ? limit : deviation;
    return divisor > 0 ? 1.0f / divisor : Vector{};
  });
}

// What of the gradient of a divisor is the deviation's; the rest is its limit's.
Vector own_share(const ContrastNorm& n, Vector deviation, Vector limit) {
  const Vector equal = spread(n.threshold > 0 ? 1.0f : 0.5f);
  return deviation == limit ? equal : deviation < limit ? Vector{} : spread(1.0f);
}

void sum_groups(const ContrastNorm& n, const float* row, float* to) {
  for (std::int64_t g = 0; g < n.groups; ++g) to[g] = 0;
  for (std::int64_t w = 0; w < n.w; ++w, row += n.groups) {
    for (std::int64_t g = 0; g < n.groups; ++g) to[g] += row[g];
  }
}

template <bool pixels>
struct Steps {
  const ContrastNorm& n;
  const Contrast& c;
  Scratch s;
  std::int64_t row;
  float each = 1 / float(n.maps);

  float* of(float* map) const { return map + row * n.row(); }
  // The pass down a slice, to this row, of what was passed across; and between the two that along the depth.
  void slide_down(const float* map, float factor, float* to) const {
    slide_rows(n, {n.down, n.taps_h, n.h, 1}, c.deep ? c.deep : map, row, factor, to);
  }
  void slide_deep(const float* map) const { slide_rows(n, {n.deep, n.taps_d, n.d, n.h}, map, row, 1, of(c.deep)); }
  void means_deep() const { slide_deep(c.first); }
  void powers_deep() const { slide_deep(c.second); }
  void deviations_back_deep() const { slide_deep(c.second); }
  void powers_back_deep() const { slide_deep(c.third); }

  Vector less(const Spot<pixels>& spot) const { return spot.sample(c.x) - spot.of(of(c.surround)); }

  void means() const {
    sum_maps<pixels>(n, row, s.inside, [&](const auto& spot) { return spot.sample(c.x); });
    slide_across(n, s, c.cover_w, each, of(c.first));
  }

  void powers() const {
    if (n.subtractive) {
      slide_down(c.first, c.cover_h[row], of(c.surround));
    } else {
      each_window(n, of(c.surround), [](const auto&) { return Vector{}; });
    }
    if (!n.divisive) return;
    sum_maps<pixels>(n, row, s.inside, [&](const auto& spot) {
      const Vector v = less(spot);
      return v * v;
    });
    slide_across(n, s, c.cover_w, each, of(c.second));
  }

  void deviations() const {
    slide_down(c.second, c.cover_h[row], of(c.deviation));
    each_window(n, of(c.deviation), [&](const auto& spot) {
      const Vector power = spot.of(of(c.deviation)), least = least_power(n, spot.of(of(c.surround)));
      const Vector root = square_root(power);
      return power > least ? root : Vector{};
    });
    sum_groups(n, of(c.deviation), c.sums + row * n.groups);
  }

  void normed() const {
    find_inverse(n, c, row, s.inverse);
    each_sample<pixels>(n, row, c.y, [&](const auto& spot) { return less(spot) * spot.of(s.inverse); });
  }

  void divisors() const {
    find_inverse(n, c, row, s.inverse);
    sum_maps<pixels>(n, row, s.other, [&](const auto& spot) { return spot.sample(c.gradient) * less(spot); });
    each_window(n, of(c.first), [&](const auto& spot) {
      const Vector inverse = spot.of(s.inverse);
      return -spot.of(s.other) * inverse * inverse;
    });
    each_window(n, s.other, [&](const auto& spot) {
      return spot.of(of(c.first)) * (1.0f - own_share(n, spot.of(of(c.deviation)), spot.of(c.limit)));
    });
    sum_groups(n, s.other, c.sums + row * n.groups);
  }

  void deviations_back() const {
    each_window(n, s.inside, [&](const auto& spot) {
      const Vector deviation = spot.of(of(c.deviation)), own = own_share(n, deviation, spot.of(c.limit));
      const Vector slope = (spot.of(of(c.first)) * own + spot.of(c.shared)) / (2.0f * deviation);
      return deviation > 0 ? slope * spot.of(c.cover_w) : Vector{};
    });
    slide_across(n, s, nullptr, c.cover_h[row], of(c.second));
  }

  Vector back(const Spot<pixels>& spot) const {
    const Vector direct = spot.sample(c.gradient) * spot.of(s.inverse);
    return n.divisive ? direct + 2.0f * each * less(spot) * spot.of(of(c.first)) : direct;
  }

  void powers_back() const {
    if (n.divisive) slide_down(c.second, 1, of(c.first));
    if (!n.subtractive) return;
    find_inverse(n, c, row, s.inverse);
    sum_maps<pixels>(n, row, s.inside, [&](const auto& spot) { return back(spot); });
    each_window(n, s.inside, [&](const auto& spot) { return spot.of(s.inside) * spot.of(c.cover_w); });
    slide_across(n, s, nullptr, c.cover_h[row], of(c.third));
  }

  void means_back() const {
    find_inverse(n, c, row, s.inverse);
    if (n.subtractive) {
      slide_down(c.third, each, s.other);
    } else {
      each_window(n, s.other, [](const auto&) { return Vector{}; });
    }
    each_sample<pixels>(n, row, c.y, [&](const auto& spot) { return back(spot) - spot.of(s.other); });
  }
};

template <bool pixels>
void run(const ContrastNorm& n, const Contrast& c, Step step, const Rows& rows, float* scratch) {
  using S = Steps<pixels>;
  constexpr void (S::* table[])() const = {&S::means,       &S::means_deep,       &S::powers,
                                           &S::powers_deep, &S::deviations,       &S::normed,
                                           &S::divisors,    &S::deviations_back,  &S::deviations_back_deep,
                                           &S::powers_back, &S::powers_back_deep, &S::means_back};
  const Scratch s = rows_of(n, scratch);
  for (std::int64_t row = rows.first; row < rows.end; ++row) (S{n, c, s, row}.*table[int(step)])();
}

}  // namespace

std::int64_t contrast_norm_scratch(const ContrastNorm& n) { return padded_floats(n) + 2 * rounded_up(n.row(), lanes); }

void contrast_norm(const ContrastNorm& n, const Contrast& c, Step step, const Rows& rows, float* scratch) {
  (n.pixels ? run<true> : run<false>)(n, c, step, rows, scratch);
}

}  // namespace striate::STRIATE_ISA
