// The gradient of the weights as it is defined: for each tap a product of two matrices, over the positions.
//
// Both are first laid out in the order in which a tile reads them, a block of positions at a time, so that both stay in
// a cache; the input once for all taps, which then are nothing but other places to begin at. Where there are few input
// channels, the taps of a kernel's row and the channels are one axis: they lie side by side in the image.
#include "../conv.h"
#include "../share.h"
#include "outer.h"
#include "panels.h"

namespace striate::STRIATE_ISA {
namespace {

const char* refuses(const Problem&) { return nullptr; }

// How a problem is laid out.
struct Layout {
  bool wide;                                   // a kernel's row of taps and the channels are one axis
  std::int64_t depth, taps_down, taps_across;  // of what is multiplied at a position; and how often
  std::int64_t row_tiles, panels;              // of a group
  std::int64_t images, rows;                   // of a block: outputs
  std::int64_t packed_rows, packed_columns;    // of the input that an image of a block needs
  std::int64_t row_from, column_from;          // input samples from one packed row or column to the next
  std::int64_t row_step, column_step;          // packed rows or columns from one output to the next
  std::int64_t tap_row, tap_column;            // and from one tap to the next

  explicit Layout(const Problem& p) {
    constexpr std::int64_t positions = 1024;
    wide = p.groups == 1 && p.dilation_w == 1 && p.s > 1 && p.c < tile_rows;
    depth = wide ? p.s * p.c : p.c_per_group();
    taps_down = p.r;
    taps_across = wide ? 1 : p.s;
    row_tiles = divided_up(depth, tile_rows);
    panels = panels_per_group(p);
    const std::int64_t plane = most(1, p.p() * p.q());
    images = most(1, least(p.n, positions / plane));
    rows = plane <= positions ? p.p() : most(1, positions / p.q());
    // One tap alone: only the samples that it meets are laid out.
    row_from = p.r == 1 ? p.stride_h : 1;
    row_step = p.r == 1 ? 1 : p.stride_h;
    tap_row = p.dilation_h;
    packed_rows = (rows - 1) * row_step + (p.r - 1) * tap_row + 1;
    column_from = taps_across == 1 ? p.stride_w : 1;
    column_step = taps_across == 1 ? 1 : p.stride_w;
    tap_column = p.dilation_w;
    packed_columns = (p.q() - 1) * column_step + (taps_across - 1) * tap_column + 1;
  }

  std::int64_t image_floats() const { return packed_rows * packed_columns * tile_rows; }
  std::int64_t rows_floats() const { return images * image_floats(); }
  std::int64_t panel_floats(const Problem& p) const { return images * rows * p.q() * panel; }
  std::int64_t tile_floats() const { return taps_down * taps_across * tile_rows * panel; }
  std::int64_t tiles(const Problem& p) const { return p.groups * row_tiles * panels; }
  // More than one block: sums of the blocks before have to be kept.
  bool keeps(const Problem& p) const { return p.n > images || p.p() > rows; }
};

double cost(const Problem& p, int) {
  const Layout l(p);
  const double places = double(p.n * p.p() * p.q());
  const double products = places * double(p.groups * l.taps_down * l.taps_across * rounded_up(l.depth, tile_rows)) *
                          double(l.panels * panel);
  const double packing = places * double(p.groups) * double(l.panels * panel + rounded_up(l.depth, tile_rows));
  return products + 8 * packing;
}

std::int64_t workspace(const Problem& p, int threads) {
  const Layout l(p);
  const std::int64_t shared = p.groups * (l.row_tiles * l.rows_floats() + l.panels * l.panel_floats(p));
  const std::int64_t kept = l.keeps(p) ? l.tiles(p) * l.tile_floats() : 0;
  return (shared + kept + threads * l.tile_floats()) * std::int64_t(sizeof(float));
}

// A tile's rows of one row of the input, at every packed column; zeros beyond the image.
void pack_row(const Problem& p, const Layout& l, const float* x, std::int64_t y, std::int64_t first, std::int64_t count,
              float* to) {
  for (std::int64_t column = 0; column < l.packed_columns; ++column, to += tile_rows) {
    const std::int64_t at = column * l.column_from - p.left;
    const bool there = y >= 0 && y < p.h && (l.wide ? at + p.s > 0 : at >= 0) && at < p.w;
    const float* from = x + (y * p.w + at) * p.c + first;
    if (there && count == tile_rows && (!l.wide || (at >= 0 && at + p.s <= p.w))) {
      __builtin_memcpy(to, from, tile_rows * sizeof(float));
      continue;
    }
    for (std::int64_t i = 0; i < tile_rows; ++i) {
      const std::int64_t sample = l.wide ? at + (first + i) / p.c : at;
      to[i] = there && i < count && sample >= 0 && sample < p.w ? from[i] : 0.0f;
    }
  }
}

// A panel's channels of the gradient, for the outputs of a block: `pixels` of them, one after the other.
void pack_panel(const Problem& p, const float* gradient, std::int64_t pixels, std::int64_t columns, float* to) {
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel, gradient += p.k, to += panel) {
#pragma GCC unroll 4
    for (int j = 0; j < panel_vectors; ++j)
      store(to + j * lanes, load_first(gradient + j * lanes, most(0, columns - j * lanes)));
  }
}

// The tile's sums, to where the weights lie.
void scatter(const Problem& p, const Layout& l, const float* sums, std::int64_t group, std::int64_t row_tile,
             std::int64_t panel_index, const WeightsOut& to) {
  const std::int64_t first = row_tile * tile_rows, rows = least(tile_rows, l.depth - first);
  for (std::int64_t k = 0; k < panel_columns(p, panel_index); ++k) {
    float* kernel = to.at + group * to.g + (panel_index * panel + k) * to.k;
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t c = l.wide ? (first + i) % p.c : first + i, column = l.wide ? (first + i) / p.c : 0;
      for (std::int64_t r = 0; r < l.taps_down; ++r) {
        for (std::int64_t s = 0; s < l.taps_across; ++s) {
          kernel[c * to.c + r * to.r + (column + s) * to.s] =
              sums[((r * l.taps_across + s) * tile_rows + i) * panel + k];
        }
      }
    }
  }
}

void run(const Problem& p, const float* x, const float* gradient, const WeightsOut& to, std::byte* scratch,
         int threads) {
  const Layout l(p);
  auto* rows = reinterpret_cast<float*>(scratch);
  float* panels = rows + p.groups * l.row_tiles * l.rows_floats();
  float* own = panels + p.groups * l.panels * l.panel_floats(p);
  float* kept = own + threads * l.tile_floats();
  const std::int64_t down = divided_up(p.p(), l.rows), blocks = most(1, divided_up(p.n, l.images) * down);
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t n = block / down * l.images, top = block % down * l.rows;
    const std::int64_t images = least(l.images, p.n - n), outputs = least(l.rows, p.p() - top);
    const std::int64_t lines = (outputs - 1) * l.row_step + (p.r - 1) * l.tap_row + 1;
    const std::int64_t line = l.packed_columns * tile_rows, row_tasks = p.groups * l.row_tiles * images;
    share(threads, row_tasks + p.groups * l.panels, [&](std::int64_t task, int) {
      if (task < row_tasks) {
        const std::int64_t tile = task / images, image = task % images, group = tile / l.row_tiles;
        const std::int64_t first = tile % l.row_tiles * tile_rows;
        for (std::int64_t i = 0; i < lines; ++i) {
          const std::int64_t y = top * p.stride_h - p.top + i * l.row_from;
          pack_row(p, l, x + (n + image) * p.h * p.w * p.c + group * p.c_per_group(), y, first,
                   least(tile_rows, l.depth - first),
                   rows + tile * l.rows_floats() + image * l.image_floats() + i * line);
        }
      } else {
        const std::int64_t which = task - row_tasks, group = which / l.panels, index = which % l.panels;
        const float* from = gradient + (n * p.p() + top) * p.q() * p.k + group * p.k_per_group() + index * panel;
        pack_panel(p, from, images * outputs * p.q(), panel_columns(p, index), panels + which * l.panel_floats(p));
      }
    });
    const Places places{images, outputs, p.q(), l.image_floats(), l.row_step * line, l.column_step * tile_rows};
    share(threads, l.tiles(p), [&](std::int64_t task, int thread) {
      const std::int64_t tile = task / l.panels, index = task % l.panels, group = tile / l.row_tiles;
      const float* with = panels + (group * l.panels + index) * l.panel_floats(p);
      float* sums = own + thread * l.tile_floats();
      const std::int64_t count = least(tile_rows, l.depth - tile % l.row_tiles * tile_rows);
      for (std::int64_t r = 0; r < l.taps_down; ++r) {
        for (std::int64_t s = 0; s < l.taps_across; ++s) {
          const std::int64_t begin = r * l.tap_row * line + s * l.tap_column * tile_rows;
          outer_tile[count](rows + tile * l.rows_floats() + begin, places, with,
                            sums + (r * l.taps_across + s) * tile_rows * panel);
        }
      }
      float* before = kept + task * l.tile_floats();
      if (block > 0) {
        for (std::int64_t i = 0; i < l.tile_floats(); ++i) sums[i] += before[i];
      }
      if (block + 1 < blocks) {
        for (std::int64_t i = 0; i < l.tile_floats(); ++i) before[i] = sums[i];
      } else {
        scatter(p, l, sums, group, tile % l.row_tiles, index, to);
      }
    });
  }
}

}  // namespace

extern const WeightGradient direct_gradient;
const WeightGradient direct_gradient{"direct", refuses, cost, workspace, run};

}  // namespace striate::STRIATE_ISA
