// What a kernel that depends on the position is multiplied with: the samples under its taps, gathered as a column.
//
// A column is numbers side by side, channel by channel and tap by tap, as the rows of the kernel are.
#pragma once

#include "../unshared.h"
#include "neighbours.h"

namespace striate::STRIATE_ISA {

// One position in one image.
struct Column {
  std::int64_t x, y;  // where the first channel's first tap is (it may be outside), and the first output
  Taps inside[3];

  bool whole(const Unshared& u) const {
    return inside[0].end - inside[0].first == u.axes[0].taps && inside[1].end - inside[1].first == u.axes[1].taps &&
           inside[2].end - inside[2].first == u.axes[2].taps;
  }
};

inline Column column_at(const Unshared& u, std::int64_t image, const std::int64_t (&position)[3]) {
  Column found{image * u.x_image, image * u.y_image, {}};
  for (int i = 0; i < 3; ++i) {
    const Axis& a = u.axes[i];
    const std::int64_t start = position[i] * a.stride - a.before;
    found.x += start * a.x, found.y += position[i] * a.y;
    // Where taps go backwards, it is seen in a mirror.
    found.inside[i] = a.dilation > 0 ? taps_inside(start, a.size, a.taps, a.dilation)
                                     : taps_inside(a.size - 1 - start, a.size, a.taps, -a.dilation);
  }
  return found;
}

// Those of a kernel are numbered along the last axis, then by image, then along the others.
inline Column column_at(const Unshared& u, std::int64_t kernel, std::int64_t column) {
  std::int64_t position[3], image = 0;
  for (int i = 2; i >= 0; --i) {
    const Axis& a = u.axes[i];
    const std::int64_t t = kernel % a.kernels, turns = a.turns(t);
    position[i] = t + column % turns * a.kernels;
    kernel /= a.kernels, column /= turns;
    if (i == 2) image = column % u.n, column /= u.n;
  }
  return column_at(u, image, position);
}

// Floats from one column to the next: an odd number of vectors, so that columns do not compete for places in the
// caches. A panel of a column may be read whole.
inline std::int64_t column_floats(std::int64_t depth) { return (rounded_up(depth, panel) / lanes | 1) * lanes; }

// Call `work(sample, number)` for every row of taps along the last axis that `at` has in the image: where its first tap
// lies, which may be outside, and which number of the column that is.
template <class Work>
[[gnu::always_inline]] inline void each_run(const Unshared& u, const Column& at, const Channels& some,
                                            const Work& work) {
  // Copies: what is written might be these, for all that the compiler knows.
  const std::int64_t down = u.axes[0].dilation * u.axes[0].x, along = u.axes[1].dilation * u.axes[1].x;
  const std::int64_t taps = u.axes[2].taps, plane_taps = u.axes[1].taps * taps, channel_taps = u.taps();
  const Taps rows = at.inside[0], columns = at.inside[1];
  std::int64_t plane = at.x + (some.group * u.c + some.first) * u.x_channel, number = 0;
  for (std::int64_t c = some.end - some.first; c > 0; --c, plane += u.x_channel, number += channel_taps) {
    for (std::int64_t i = rows.first; i < rows.end; ++i) {
      for (std::int64_t j = columns.first; j < columns.end; ++j) {
        work(plane + i * down + j * along, number + i * plane_taps + j * taps);
      }
    }
  }
}

// Columns of positions that are neighbours along the last axis, evenly apart; those from `whole.first`
// to `whole.end` have all taps along it. `taps` of them side by side in memory are copied at once; 0 is any number,
// anywhere.
template <int taps>
void gather_runs(const Unshared& u, const float* x, const Column* at, int count, const Taps& whole,
                 const Channels& some, float* to, std::int64_t to_step) {
  const std::int64_t step = u.axes[2].dilation * u.axes[2].x, apart = count > 1 ? at[1].x - at[0].x : 0;
  each_run(u, at[0], some, [=](std::int64_t sample, std::int64_t number) {
    const float* from = x + sample;
    float* into = to + number;
    const auto one = [&](std::int64_t i) {
      const Taps run = at[i].inside[2];
      for (std::int64_t s = run.first; s < run.end; ++s) into[i * to_step + s] = from[i * apart + s * step];
    };
    for (std::int64_t i = 0; i < whole.first; ++i) one(i);
    if constexpr (taps > 0) {
      const float* run = from + whole.first * apart;
      float* column = into + whole.first * to_step;
      for (std::int64_t i = whole.first; i < whole.end; ++i, run += apart, column += to_step)
        __builtin_memcpy(column, run, sizeof(float) * taps);
    } else {
      for (std::int64_t i = whole.first; i < whole.end; ++i) one(i);
    }
    for (std::int64_t i = whole.end; i < count; ++i) one(i);
  });
}

// Those that have all taps along the last axis: from the first to the last, all are.
inline Taps whole_runs(const Unshared& u, const Column* at, int count) {
  const auto whole = [&](std::int64_t i) { return at[i].inside[2].end - at[i].inside[2].first == u.axes[2].taps; };
  Taps all{0, count};
  while (all.first < count && !whole(all.first)) ++all.first;
  while (all.end > all.first && !whole(all.end - 1)) --all.end;
  return all;
}

// Taps that lie side by side in memory, and are few; else 0.
inline std::int64_t known_taps(const Unshared& u) {
  const Axis& a = u.axes[2];
  return a.dilation * a.x == 1 && a.taps <= 8 ? a.taps : 0;
}

inline void gather(const Unshared& u, const float* x, const Column* at, int count, const Channels& some, float* to,
                   std::int64_t to_step) {
  const std::int64_t depth = (some.end - some.first) * u.taps();
  for (int i = 0; i < count; ++i) {
    const std::int64_t clear = at[i].whole(u) ? depth / lanes * lanes : 0;
    for (std::int64_t d = clear; d < depth; d += lanes) store(to + i * to_step + d, Vector{});
  }
  constexpr decltype(&gather_runs<0>) by_taps[] = {gather_runs<0>, gather_runs<1>, gather_runs<2>,
                                                   gather_runs<3>, gather_runs<4>, gather_runs<5>,
                                                   gather_runs<6>, gather_runs<7>, gather_runs<8>};
  by_taps[known_taps(u)](u, x, at, count, whole_runs(u, at, count), some, to, to_step);
}

// The way back: each number of a column is added to its sample, one column after the other.
template <int taps>
void scatter_runs(const Unshared& u, const float* from, std::int64_t from_step, const Column* at, int count,
                  const Taps& whole, const Channels& some, float* x) {
  const std::int64_t step = u.axes[2].dilation * u.axes[2].x, apart = count > 1 ? at[1].x - at[0].x : 0;
  each_run(u, at[0], some, [=](std::int64_t sample, std::int64_t number) {
    float* into = x + sample;
    const float* numbers = from + number;
    const auto one = [&](std::int64_t i) {
      const Taps run = at[i].inside[2];
      for (std::int64_t s = run.first; s < run.end; ++s) into[i * apart + s * step] += numbers[i * from_step + s];
    };
    for (std::int64_t i = 0; i < whole.first; ++i) one(i);
    for (std::int64_t i = whole.first; i < whole.end; ++i) {
      if constexpr (taps > 0) {
#pragma GCC unroll 8
        for (int s = 0; s < taps; ++s) into[i * apart + s] += numbers[i * from_step + s];
      } else {
        one(i);
      }
    }
    for (std::int64_t i = whole.end; i < count; ++i) one(i);
  });
}

inline void scatter(const Unshared& u, const float* from, std::int64_t from_step, const Column* at, int count,
                    const Channels& some, float* x) {
  constexpr decltype(&scatter_runs<0>) by_taps[] = {scatter_runs<0>, scatter_runs<1>, scatter_runs<2>,
                                                    scatter_runs<3>, scatter_runs<4>, scatter_runs<5>,
                                                    scatter_runs<6>, scatter_runs<7>, scatter_runs<8>};
  by_taps[known_taps(u)](u, from, from_step, at, count, whole_runs(u, at, count), some, x);
}

}  // namespace striate::STRIATE_ISA
