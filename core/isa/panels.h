// Weights in the order in which `multiply_tile` reads them.
#pragma once

#include "../share.h"
#include "convolution.h"
#include "tile.h"

namespace striate::STRIATE_ISA {

// Tiles that a task goes through with one panel of weights before the next: few, so that their inputs stay in the first
// cache; but where the weights come from far away with every block, more are worth more.
constexpr std::int64_t near_tiles = is_widest ? 16 : 8, most_tiles = is_widest ? 80 : 40;

// Numbers that do not stay in a second cache beside others.
constexpr std::int64_t far_numbers = (256 << 10) / std::int64_t(sizeof(Number));

inline std::int64_t panels_per_group(const Problem& p) { return divided_up(p.k_per_group(), panel); }

// Numbers from one panel of `taps` taps to the next.
inline std::int64_t panel_numbers(const Problem& p, std::int64_t taps) { return taps * p.c_per_group() * panel; }

// Numbers of a group's panels together: the last is as narrow as whole vectors allow.
inline std::int64_t group_numbers(const Problem& p, std::int64_t taps) {
  return taps * p.c_per_group() * rounded_up(p.k_per_group(), lanes);
}

// Channels that the panel really has.
inline std::int64_t panel_columns(const Problem& p, std::int64_t index) {
  return least(panel, p.k_per_group() - index * panel);
}

// Numbers of a row of the panel: whole vectors. The last panel of a group is the narrower the fewer channels are left.
inline std::int64_t panel_width(const Problem& p, std::int64_t index) {
  return rounded_up(panel_columns(p, index), lanes);
}

// Every group's panels: for each tap and each input channel, the weights of the panel's channels.
inline void pack_panels(const Problem& p, const Weights& w, Number* prepared, int threads) {
  const std::int64_t panels = panels_per_group(p), numbers = panel_numbers(p, p.r * p.s);
  share(threads, p.groups * panels, [&](std::int64_t task, int) {
    const std::int64_t g = task / panels, at = task % panels;
    const std::int64_t columns = panel_columns(p, at), width = panel_width(p, at);
    const Number* first = w.at + g * w.g + at * panel * w.k;
    Number* to = prepared + g * group_numbers(p, p.r * p.s) + at * numbers;
    for (std::int64_t r = 0; r < p.r; ++r) {
      for (std::int64_t s = 0; s < p.s; ++s) {
        for (std::int64_t c = 0; c < p.c_per_group(); ++c, to += width) {
          const Number* from = first + c * w.c + r * w.r + s * w.s;
          for (std::int64_t i = 0; i < width; ++i) to[i] = i < columns ? from[i * w.k] : Number(0);
        }
      }
    }
  });
}

// Outputs of which each lies as far from the next: all of them; or, where there are gaps between rows, those of a row.
inline std::int64_t evenly_apart(const Problem& p, const Tensors& t) {
  const bool all = t.apart.row == p.q() * t.apart.pixel && t.apart.image == p.p() * t.apart.row;
  return most(1, all ? p.n * p.p() * p.q() : p.q());
}

// Where the outputs of a line so made begin, from the output `output` on.
inline std::int64_t place_of(const Problem& p, const Tensors& t, std::int64_t line, std::int64_t output) {
  if (output < line) return output * t.apart.pixel;
  const std::int64_t row = output / p.q();
  return t.place(row / p.p(), row % p.p(), output % p.q());
}

// Where the sums of a group's panel go: the first output begins at `first`.
inline Store store_at(const Problem& p, const Tensors& t, std::int64_t first, std::int64_t group, std::int64_t index) {
  const std::int64_t channel = group * p.k_per_group() + index * panel, place = first + channel;
  Store to{t.y + place,
           t.apart.pixel,
           t.bias ? t.bias + channel : nullptr,
           t.residual ? t.residual + place : nullptr,
           p.relu,
           panel_columns(p, index),
           false,
           t.then};
  to.far = p.n * p.p() * p.q() * p.k > far_numbers;
  return to;
}

// Have the `index`th of some tiles call for its part of the numbers from `next` on, which are read after them. They
// come from memory while others are multiplied: each by itself, tiles would wait for them in turn.
inline void call_for(const Number* next, std::int64_t numbers, std::int64_t index, std::int64_t tiles, Store& to) {
  to.soon = next + numbers * index / tiles;
  to.soon_step = panel * std::int64_t(sizeof(Number)) / tiles;
}

// Whether one row of numbers is multiplied with several panels at once, from the one at `index` on; all are whole.
inline bool side_by_side(const Problem& p, std::int64_t rows, std::int64_t index, std::int64_t end) {
  return rows == 1 && index + streams <= end && (index + streams) * panel <= p.k_per_group();
}

// The function that multiplies `rows` rows with the panel.
inline MultiplyTile* multiply(const Problem& p, std::int64_t index, std::int64_t rows) {
  return multiply_tile[panel_width(p, index) / lanes][rows];
}

}  // namespace striate::STRIATE_ISA
