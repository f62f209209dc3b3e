// One kernel a channel: sums of taps that lie side by side, plane by plane and row by row. Each sample is loaded once
// for all the outputs that it belongs to; samples beyond the image are passed over.
#pragma once

#include "neighbours.h"

namespace striate::STRIATE_ISA {

// Planes of a kernel, and how far apart the slices lie that they meet, in numbers: an image has one.
struct Planes {
  const Number* const* weights;
  std::int64_t count, slice;
};

// Call `work(row, weights)` for every row of every plane: where the first tap reads, and its weights.
template <class Work>
[[gnu::always_inline]] inline void each_row(const Problem& p, const Planes& of, const Place& at, Taps down,
                                            const Work& work) {
  const Number* image = at.image + (at.top * p.w + at.left) * p.c + at.c;
  for (std::int64_t plane = 0; plane < of.count; ++plane, image += of.slice) {
    const Number* weights = of.weights[plane] + at.c;
    for (std::int64_t r = down.first; r < down.end; ++r) {
      work(image + r * p.dilation_h * p.w * p.c, weights + r * p.s * p.k);
    }
  }
}

// Add `Length` taps to `Count` outputs of each of `Rows` rows that lie below each other: of the first those at
// `weights`, of the next those of the kernel's row before. The first sample is in column `column`. `Inside`: all
// samples are.
template <int Rows, int Count, int Length, int Stride, bool Inside>
[[gnu::always_inline]] inline void add_run(const Problem& p, const Number* row, std::int64_t column,
                                           const Number* weights, std::int64_t rest, Vector (*sum)[Count]) {
  const std::int64_t pixel = p.c, width = p.w, before = p.s * p.c;
  Vector weight[Rows][Length];
#pragma GCC unroll 2
  for (int k = 0; k < Rows; ++k) {
#pragma GCC unroll 8
    for (int s = 0; s < Length; ++s) weight[k][s] = load_first(weights + s * pixel - k * before, rest);
  }
#pragma GCC unroll 32
  for (int j = 0; j < (Count - 1) * Stride + Length; ++j, row += pixel) {
    if (!Inside && (column + j < 0 || column + j >= width)) continue;
    Vector sample = load_first(row, rest);
#if defined(__AVX512F__)
    asm("" : "+v"(sample));  // else it is loaded again for every product
#endif
#pragma GCC unroll 2
    for (int k = 0; k < Rows; ++k) {
#pragma GCC unroll 8
      for (int i = 0; i < Count; ++i) {
        if (j - i * Stride >= 0 && j - i * Stride < Length) sum[k][i] += weight[k][j - i * Stride] * sample;
      }
    }
  }
}

// The taps that some outputs of a row have in the image, where they lie side by side and so do the outputs.
inline Taps taps_of_any(const Problem& p, const Place& at, std::int64_t count) {
  return {most(0, 1 - at.left - count), least(p.s, p.w - at.left)};
}

// Those down, of the first of some rows and of the last.
struct Down {
  Taps first, last;
};

// The first `count` of `Count` outputs of each of `Rows` rows, of all planes. `S` is the kernel's width where the
// compiler is to know it, else 0: then its taps are taken a few at a time. `Full`: so is the vector of channels.
template <int Rows, int Count, int S, int Stride, bool Inside, bool Full>
void runs(const Problem& p, const Tensors& t, const Planes& of, const Place& at, const Down& down, std::int64_t count) {
  constexpr int many = S > 0 ? S : Rows > 1 ? 4 : 8;
  const std::int64_t rest = Full ? lanes : p.c - at.c;
  const Taps across = S > 0 ? Taps{0, S} : taps_of_any(p, at, count);
  const Taps first = down.first, last = down.last;
  Vector sum[Rows][Count];
#pragma GCC unroll 2
  for (int k = 0; k < Rows; ++k) {
#pragma GCC unroll 8
    for (int i = 0; i < Count; ++i) sum[k][i] = Vector{};
  }
  const auto add = [&]<int Some>(Lanes<Some>, const Number* row, const Number* weights, Vector(*to)[Count]) {
    std::int64_t s = across.first;
    for (; s + many <= across.end; s += many) {
      add_run<Some, Count, many, Stride, Inside>(p, row + s * p.c, at.left + s, weights + s * p.k, rest, to);
    }
    for (; S == 0 && s < across.end; ++s) {
      add_run<Some, Count, 1, Stride, Inside>(p, row + s * p.c, at.left + s, weights + s * p.k, rest, to);
    }
  };
  const std::int64_t line = p.dilation_h * p.w * p.c, below = p.s * p.k;
  const Number* image = at.image + (at.top * p.w + at.left) * p.c + at.c;
  for (std::int64_t plane = 0; plane < of.count; ++plane, image += of.slice) {
    const Number* weights = of.weights[plane] + at.c;
    if constexpr (Rows == 1) {
      for (std::int64_t r = first.first; r < first.end; ++r)
        add(Lanes<1>{}, image + r * line, weights + r * below, sum);
    } else {
      // Rows of the image that the first output has alone, that both have, and that the last has alone.
      const std::int64_t both = most(first.first, last.first + 1);
      for (std::int64_t r = first.first; r < least(both, first.end); ++r)
        add(Lanes<1>{}, image + r * line, weights + r * below, sum);
      for (std::int64_t r = last.first + 1; r < least(both, last.end + 1); ++r)
        add(Lanes<1>{}, image + r * line, weights + (r - 1) * below, sum + 1);
      for (std::int64_t r = both; r < least(first.end, last.end + 1); ++r)
        add(Lanes<Rows>{}, image + r * line, weights + r * below, sum);
      const std::int64_t rest_of = most(both, least(first.end, last.end + 1));
      for (std::int64_t r = rest_of; r < first.end; ++r) add(Lanes<1>{}, image + r * line, weights + r * below, sum);
      for (std::int64_t r = rest_of; r < last.end + 1; ++r)
        add(Lanes<1>{}, image + r * line, weights + (r - 1) * below, sum + 1);
    }
  }
#pragma GCC unroll 2
  for (int k = 0; k < Rows; ++k) {
    Place one = at;
    one.output += k * t.apart.row;
    finish(p, t, one, rest, sum[k], count);
  }
}

}  // namespace striate::STRIATE_ISA
