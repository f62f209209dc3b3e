// Sums of outer products: what the gradient of a weight is made of.
#pragma once

#include "vector.h"

namespace striate::STRIATE_ISA {

// Where a tile's numbers lie: at each place of a sum, `tile_rows` of one operand and a panel of the other.
//
// Places come in runs (rows of an image), runs in images. The panel's places follow each other without a gap.
struct Places {
  std::int64_t images, runs, length;
  std::int64_t image_step, run_step, step;  // of the rows' operand, in floats
};

// `to[row * panel + column]` = the sum over all places of `rows[row] * panel[column]`. One place after the other, so
// the sum depends on nothing else.
using OuterTile = void(const float* rows, const Places& places, const float* panel_at, float* to);

template <int Rows>
void outer(const float* rows, const Places& at, const float* panel_at, float* to) {
  Vector sum[Rows][panel_vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < panel_vectors; ++j) sum[i][j] = Vector{};
  }
  for (std::int64_t image = 0; image < at.images; ++image) {
    for (std::int64_t run = 0; run < at.runs; ++run) {
      const float* row = rows + image * at.image_step + run * at.run_step;
      for (std::int64_t place = 0; place < at.length; ++place, row += at.step, panel_at += panel) {
        Vector factor[panel_vectors];
#pragma GCC unroll 4
        for (int j = 0; j < panel_vectors; ++j) factor[j] = load(panel_at + j * lanes);
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) {
          const Vector number = spread(row[i]);
#pragma GCC unroll 4
          for (int j = 0; j < panel_vectors; ++j) sum[i][j] += number * factor[j];
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < panel_vectors; ++j) store(to + i * panel + j * lanes, sum[i][j]);
  }
}

// By the number of rows, 1 to tile_rows.
extern OuterTile* const outer_tile[tile_rows + 1];

}  // namespace striate::STRIATE_ISA
