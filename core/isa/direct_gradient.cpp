// The gradient of the weights as it is defined: for each tap a product of two matrices, over the positions.
//
// Both are first laid out in the order in which a tile reads them, a block of positions at a time, so that both stay in
// a cache; the input once for all taps, which then are nothing but other places to begin at. Where there are few input
// channels, the taps of a kernel's row and the channels are one axis: they lie side by side in the image.
#include "../conv.h"
#include "../share.h"
#include "cost.h"
#include "outer.h"
#include "panels.h"

namespace striate::STRIATE_ISA {
namespace {

const char* refuses(const Problem&) { return nullptr; }

// Outputs whose gradients are laid out together, for one panel after the other: their lines stay in the first cache.
constexpr std::int64_t chunk = 16;

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

double cost(const Problem& p, int threads) {
  const Layout l(p);
  const double places = double(p.n * p.p() * p.q());
  const double products = places * double(p.groups * l.taps_down * l.taps_across * rounded_up(l.depth, tile_rows)) *
                          double(l.panels * panel);
  const double packing = places * double(p.groups) * double(l.panels * panel + rounded_up(l.depth, tile_rows));
  // What one thread lays out, others read, and all wait for each other twice a block.
  return (products * tile_product + 3 * lanes * packing) * (threads > 1 ? 1.15 : 1) + call;
}

std::int64_t workspace(const Problem& p, int threads) {
  const Layout l(p);
  const std::int64_t shared = p.groups * (l.row_tiles * l.rows_floats() + l.panels * l.panel_floats(p));
  const std::int64_t kept = l.keeps(p) ? l.tiles(p) * l.tile_floats() : 0;
  return (shared + kept + threads * l.tile_floats()) * std::int64_t(sizeof(float));
}

// One row of the input, at every packed column, to each tile's rows of it; zeros beyond the image. All tiles at once: a
// pixel's channels are read from first to last.
void pack_line(const Problem& p, const Layout& l, const float* x, std::int64_t y, float* to) {
  const bool inside = y >= 0 && y < p.h;
  const std::int64_t whole = l.depth / tile_rows, rest = l.depth - whole * tile_rows, reach = l.wide ? p.s : 1;
  for (std::int64_t column = 0; column < l.packed_columns; ++column, to += tile_rows) {
    const std::int64_t at = column * l.column_from - p.left;
    const float* from = x + (y * p.w + at) * p.c;
    float* into = to;
    if (inside && at >= 0 && at + reach <= p.w) {
      for (std::int64_t tile = 0; tile < whole; ++tile, from += tile_rows, into += l.rows_floats())
        __builtin_memcpy(into, from, tile_rows * sizeof(float));
      for (std::int64_t i = 0; rest > 0 && i < tile_rows; ++i) into[i] = i < rest ? from[i] : 0.0f;
      continue;
    }
    for (std::int64_t first = 0; first < l.depth; first += tile_rows, into += l.rows_floats()) {
      for (std::int64_t i = 0; i < tile_rows; ++i) {
        const std::int64_t sample = l.wide ? at + (first + i) / p.c : at;
        into[i] = inside && first + i < l.depth && sample >= 0 && sample < p.w ? from[first + i] : 0.0f;
      }
    }
  }
}

// The gradient of some outputs, to each panel of a group.
void pack_panels_of(const Problem& p, const Layout& l, const float* gradient, std::int64_t pixels, float* to) {
  for (std::int64_t index = 0; index < l.panels; ++index, gradient += panel, to += l.panel_floats(p)) {
    const std::int64_t columns = panel_columns(p, index);
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
#pragma GCC unroll 4
      for (int j = 0; j < panel_vectors; ++j) {
        const Vector value = load_first(gradient + pixel * p.k + j * lanes, most(0, columns - j * lanes));
        store(to + pixel * panel + j * lanes, value);
      }
    }
  }
}

// The tile's sums, to where the weights lie.
void scatter(const Problem& p, const Layout& l, const float* sums, std::int64_t group, std::int64_t row_tile,
             std::int64_t panel_index, const WeightsOut& to) {
  const std::int64_t first = row_tile * tile_rows, rows = least(tile_rows, l.depth - first);
  if (l.taps_down * l.taps_across == 1 && !l.wide) {
    for (std::int64_t k = 0; k < panel_columns(p, panel_index); ++k) {
      float* kernel = to.at + group * to.g + (panel_index * panel + k) * to.k + first * to.c;
      for (std::int64_t i = 0; i < rows; ++i) kernel[i * to.c] = sums[i * panel + k];
    }
    return;
  }
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
    const std::int64_t line = l.packed_columns * tile_rows, pixels = images * outputs * p.q();
    const std::int64_t line_tasks = p.groups * images * lines, chunks = divided_up(pixels, chunk);
    share(threads, line_tasks + p.groups * chunks, [&](std::int64_t task, int) {
      if (task < line_tasks) {
        const std::int64_t group = task / (images * lines), image = task / lines % images, i = task % lines;
        const float* from = x + (n + image) * p.h * p.w * p.c + group * p.c_per_group();
        float* into = rows + group * l.row_tiles * l.rows_floats() + image * l.image_floats() + i * line;
        pack_line(p, l, from, top * p.stride_h - p.top + i * l.row_from, into);
      } else {
        const std::int64_t group = (task - line_tasks) / chunks, first = (task - line_tasks) % chunks * chunk;
        const float* from = gradient + ((n * p.p() + top) * p.q() + first) * p.k + group * p.k_per_group();
        float* into = panels + group * l.panels * l.panel_floats(p) + first * panel;
        pack_panels_of(p, l, from, least(chunk, pixels - first), into);
      }
    });
    const Places places{images, outputs, p.q(), l.image_floats(), l.row_step * line, l.column_step * tile_rows};
    share(threads, l.tiles(p), [&](std::int64_t task, int thread) {
      // Row by row with one panel, which stays in the cache: it is the larger of the two.
      const std::int64_t group = task / (l.row_tiles * l.panels), index = task / l.row_tiles % l.panels;
      const std::int64_t tile = group * l.row_tiles + task % l.row_tiles;
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
