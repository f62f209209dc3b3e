// Sums of outer products: what the gradient of a weight is made of.
#pragma once

#include "../share.h"
#include "vector.h"

namespace striate::STRIATE_ISA {

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

// One operand of a sum of outer products: how far apart its numbers lie, in numbers, from one place to the next.
//
// Places come in runs (rows of an image), runs in images.
struct Steps {
  std::int64_t image, run, place;
};
struct Places {
  std::int64_t images, runs, length;
  Steps rows, panel;
};

// Where the sums go, or what they are added to.
struct Sums {
  Number* at;
  std::int64_t step;     // from one row to the next
  std::int64_t columns;  // that there are
  bool add;
};

// `to[row][column]` = the sum over all places of `rows[row] * panel[column]`. One place after the other, so the sum
// depends on nothing else.
using OuterTile = void(const Number* rows, const Number* panel_at, const Places& places, const Sums& to);

template <int Rows, int Vectors>
void outer(const Number* rows, const Number* panel_at, const Places& at, const Sums& to) {
  Vector sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; ++j) sum[i][j] = Vector{};
  }
  for (std::int64_t image = 0; image < at.images; ++image) {
    for (std::int64_t run = 0; run < at.runs; ++run) {
      const Number* row = rows + image * at.rows.image + run * at.rows.run;
      const Number* with = panel_at + image * at.panel.image + run * at.panel.run;
      for (std::int64_t place = 0; place < at.length; ++place, row += at.rows.place, with += at.panel.place) {
        __builtin_prefetch(row + 16);  // of the next tile: far from what is read now, so nothing foresees it
        Vector factor[Vectors];
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j) factor[j] = load(with + j * lanes);
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) {
          const Vector number = spread(row[i]);
#pragma GCC unroll 4
          for (int j = 0; j < Vectors; ++j) sum[i][j] += number * factor[j];
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; ++j) {
      Number* into = to.at + i * to.step + j * lanes;
      const std::int64_t left = to.columns - j * lanes;
      store_first(into, to.add ? load_first(into, left) + sum[i][j] : sum[i][j], left);
    }
  }
}

// By the number of vectors, 1 to panel_vectors, and that of rows, 1 to tile_rows.
extern OuterTile* const outer_tile[panel_vectors + 1][tile_rows + 1];

inline void add_outer(std::int64_t count, const Number* rows, const Number* panel_at, const Places& at,
                      const Sums& to) {
  outer_tile[divided_up(least(to.columns, panel), lanes)][count](rows, panel_at, at, to);
}

}  // namespace striate::STRIATE_ISA
