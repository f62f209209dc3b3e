// The gradient of the weights as it is defined: for each tap a product of two matrices, over the positions.
//
// A block of positions at a time, so that what it reads stays in a cache. The input is read where it lies: at a tap,
// the positions whose sample is inside the image. The gradient is laid out by panels, of which each is read once for
// every tap and every few input channels. Where there are few input channels, the taps of a kernel's row and the
// channels are one axis: they lie side by side in the image, whose rows are copied with zeros around them.
#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "outer.h"
#include "panels.h"

namespace striate::STRIATE_ISA {
namespace {

const char* refuses(const Problem&) { return nullptr; }

// How a problem is cut.
struct Layout {
  bool wide;                                   // a kernel's row of taps and the channels are one axis
  std::int64_t depth, taps_down, taps_across;  // of what is multiplied at a position; and how often
  std::int64_t row_tiles, panels;              // of a group
  bool rows_first;                             // whether a thread takes tiles row by row, or panel by panel
  std::int64_t images, rows;                   // of a block: outputs

  explicit Layout(const Problem& p) {
    constexpr std::int64_t positions = 512;
    wide = p.groups == 1 && p.dilation_w == 1 && p.s > 1 && p.c < tile_rows;
    depth = wide ? p.s * p.c : p.c_per_group();
    taps_down = p.r;
    taps_across = wide ? 1 : p.s;
    row_tiles = divided_up(depth, tile_rows);
    panels = panels_per_group(p);
    rows_first = depth > p.k_per_group();  // what is larger is read once, what is smaller again and again
    const std::int64_t plane = most(1, p.p() * p.q());
    images = most(1, least(p.n, positions / plane));
    rows = plane <= positions ? p.p() : most(1, positions / p.q());
  }

  std::int64_t taps() const { return taps_down * taps_across; }
  std::int64_t tile_numbers() const { return taps() * tile_rows * panel; }
  std::int64_t tiles(const Problem& p) const { return p.groups * panels * row_tiles; }
  std::int64_t positions(const Problem& p) const { return images * rows * p.q(); }

  // Where a tile lies.
  std::int64_t group_of(std::int64_t tile) const { return tile / (row_tiles * panels); }
  std::int64_t row_of(std::int64_t tile) const { return rows_first ? tile / panels % row_tiles : tile % row_tiles; }
  std::int64_t panel_of(std::int64_t tile) const { return rows_first ? tile % panels : tile / row_tiles % panels; }
  std::int64_t tile_at(std::int64_t group, std::int64_t row, std::int64_t at) const {
    return group * row_tiles * panels + (rows_first ? row * panels + at : at * row_tiles + row);
  }
  // The panels that some tiles need, counted through all groups.
  Range panels_of(const Range& tiles) const {
    if (rows_first) return {group_of(tiles.begin) * panels, (group_of(tiles.end - 1) + 1) * panels};
    return {tiles.begin / row_tiles, (tiles.end - 1) / row_tiles + 1};
  }

  // Rows of tiles as equal as can be: a tile of few rows is a slow one.
  Range rows_of(std::int64_t tile) const { return {depth * tile / row_tiles, depth * (tile + 1) / row_tiles}; }

  // A thread's own: panels of the gradient, and rows of the input with zeros around them.
  std::int64_t own_panels(const Problem& p, int threads) const {
    return least(p.groups * panels, divided_up(p.groups * panels, threads) + (rows_first ? 2 * panels : 1));
  }
  std::int64_t panels_numbers(const Problem& p, int threads) const {
    return own_panels(p, threads) * positions(p) * panel;
  }
  std::int64_t line_numbers(const Problem& p) const {
    return rounded_up((p.w + most(0, p.left) + most(0, p.right)) * p.c, 16);
  }
  std::int64_t lines(const Problem& p) const { return (rows - 1) * p.stride_h + (p.r - 1) * p.dilation_h + 1; }
  std::int64_t lines_numbers(const Problem& p) const { return wide ? images * lines(p) * line_numbers(p) : 0; }
};

double cost(const Problem& p, int threads) {
  const Layout l(p);
  const double places = double(p.n * p.p() * p.q());
  // Of fewer than four rows a tile waits for its sums.
  const double rows = double(p.groups * most(l.depth, 4 * l.row_tiles));
  const double products = 1.15 * places * rows * double(l.taps()) * panels_width(p) * tile_product;
  const double blocks = double(divided_up(p.n, l.images) * divided_up(p.p(), l.rows));
  const double sums = blocks * double(l.tiles(p) * l.tile_numbers()) * 4;
  const double packing = places * double(p.groups * l.panels * panel) * 2 * lanes * (threads > 1 ? 1.1 : 1);
  const double scattering = 13.0 * lanes * double(p.k * p.c_per_group() * p.r * p.s);  // weight by weight
  return products + sums + packing + scattering + call;
}

std::int64_t workspace(const Problem& p, int threads) {
  const Layout l(p);
  const std::int64_t own = l.panels_numbers(p, threads) + l.lines_numbers(p);
  return (l.tiles(p) * l.tile_numbers() + threads * own) * std::int64_t(sizeof(Number));
}

// The outputs along an axis whose sample at a tap lies inside the input.
Range meets(std::int64_t outputs, std::int64_t inputs, std::int64_t before, std::int64_t offset, std::int64_t stride) {
  const std::int64_t first = before - offset;  // of the samples, less that of output 0
  const std::int64_t begin = first > 0 ? divided_up(first, stride) : 0;
  const std::int64_t last = inputs - 1 + first;
  return {least(begin, outputs), last < 0 ? 0 : least(outputs, last / stride + 1)};
}

// A block of outputs: some images, or some rows of one.
struct Block {
  std::int64_t image, images, top, rows;
};

// The gradient of a block, one panel of channels.
void pack_panel(const Problem& p, const Block& b, const Number* gradient, std::int64_t columns, Number* to) {
  const std::int64_t pixels = b.images * b.rows * p.q();
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
#pragma GCC unroll 4
    for (int j = 0; j < panel_vectors; ++j) {
      const Number* from = gradient + pixel * p.k + j * lanes;
      __builtin_prefetch(from + 16 * p.k);
      store(to + pixel * panel + j * lanes, load_first(from, columns - j * lanes));
    }
  }
}

// The rows of the input that a block needs, with zeros around them.
void pad_lines(const Problem& p, const Layout& l, const Block& b, const Number* x, Number* to) {
  const std::int64_t before = most(0, p.left), skipped = most(0, -p.left), numbers = l.line_numbers(p);
  const std::int64_t lines = (b.rows - 1) * p.stride_h + (p.r - 1) * p.dilation_h + 1;
  for (std::int64_t image = 0; image < b.images; ++image) {
    Number* line = to + image * l.lines(p) * numbers;
    for (std::int64_t i = 0; i < lines; ++i, line += numbers) {
      const std::int64_t y = b.top * p.stride_h - p.top + i, there = y < 0 || y >= p.h ? 0 : most(0, p.w - skipped);
      __builtin_memset(line, 0, std::size_t(before * p.c) * sizeof(Number));
      if (there > 0) {
        __builtin_memcpy(line + before * p.c, x + (((b.image + image) * p.h + y) * p.w + skipped) * p.c,
                         std::size_t(there * p.c) * sizeof(Number));
      }
      __builtin_memset(line + (before + there) * p.c, 0,
                       std::size_t(numbers - (before + there) * p.c) * sizeof(Number));
    }
  }
}

// The sums of one tile over one block, at all taps. `x` is the first channel of the tile, in the image or in its rows
// with zeros; `with` the block's panel, that has so many columns.
void add_tile(const Problem& p, const Layout& l, const Block& b, std::int64_t rows, const Number* x, const Number* with,
              std::int64_t columns, Number* sums, bool add) {
  const std::int64_t line = l.wide ? l.line_numbers(p) : p.w * p.c, image = l.wide ? l.lines(p) * line : p.h * line;
  const Steps of_panel{b.rows * p.q() * panel, p.q() * panel, panel};
  for (std::int64_t r = 0; r < l.taps_down; ++r) {
    Range down{b.top, b.top + b.rows};
    if (!l.wide) {
      const Range inside = meets(p.p(), p.h, p.top, r * p.dilation_h, p.stride_h);
      down = {most(down.begin, inside.begin), least(down.end, inside.end)};
    }
    for (std::int64_t s = 0; s < l.taps_across; ++s, sums += tile_rows * panel) {
      const Range across = l.wide ? Range{0, p.q()} : meets(p.q(), p.w, p.left, s * p.dilation_w, p.stride_w);
      const std::int64_t row = l.wide ? (down.begin - b.top) * p.stride_h + r * p.dilation_h
                                      : down.begin * p.stride_h + r * p.dilation_h - p.top;
      const std::int64_t column = l.wide ? 0 : across.begin * p.stride_w + s * p.dilation_w - p.left;
      Places places{b.images,
                    most(0, down.size()),
                    most(0, across.size()),
                    {image, p.stride_h * line, p.stride_w * p.c},
                    of_panel};
      if (places.runs * places.length == 0) places.images = places.runs = places.length = 0;
      // Whole rows without a gap are one run.
      if (places.length == p.q() && places.rows.run == p.q() * places.rows.place) {
        places.length *= places.runs;
        places.runs = 1;
      }
      const std::int64_t from = places.images == 0 ? 0 : row * line + column * p.c;
      const std::int64_t at = places.images == 0 ? 0 : ((down.begin - b.top) * p.q() + across.begin) * panel;
      add_outer(rows, x + from, with + at, places, {sums, panel, columns, add});
    }
  }
}

// Tiles whose sums go to their places together: neighbours there, if not here.
constexpr std::int64_t scattered = 6;

// Sums of some rows of tiles and a panel, to where the weights lie.
void scatter(const Problem& p, const Layout& l, const Number* sums, std::int64_t group, std::int64_t panel_index,
             const Range& tiles, const WeightsOut& to) {
  for (std::int64_t k = 0; k < panel_columns(p, panel_index); ++k) {
    Number* kernel = to.at + group * to.g + (panel_index * panel + k) * to.k;
    for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
      const Number* of_tile = sums + l.tile_at(group, tile, panel_index) * l.tile_numbers() + k;
      const Range rows = l.rows_of(tile);
      for (std::int64_t i = rows.begin; i < rows.end; ++i, of_tile += panel) {
        const std::int64_t c = l.wide ? i % p.c : i, column = l.wide ? i / p.c : 0;
        const Number* sum = of_tile;
        for (std::int64_t r = 0; r < l.taps_down; ++r) {
          for (std::int64_t s = 0; s < l.taps_across; ++s, sum += tile_rows * panel)
            kernel[c * to.c + r * to.r + (column + s) * to.s] = *sum;
        }
      }
    }
  }
}

void run(const Problem& p, const Number* x, const Number* gradient, const WeightsOut& to, std::byte* scratch,
         int threads) {
  const Layout l(p);
  Number* sums = reinterpret_cast<Number*>(scratch);
  Number* owns = sums + l.tiles(p) * l.tile_numbers();
  const std::int64_t down = divided_up(p.p(), l.rows), blocks = most(1, divided_up(p.n, l.images) * down);
  // Each thread takes some of the tiles through all blocks, and none waits for another.
  share(threads, least(threads, l.tiles(p)), [&](std::int64_t task, int thread) {
    const std::int64_t tasks = least(threads, l.tiles(p));
    const Range tiles{l.tiles(p) * task / tasks, l.tiles(p) * (task + 1) / tasks};
    const Range panels = l.panels_of(tiles);
    Number* packed = owns + thread * (l.panels_numbers(p, int(tasks)) + l.lines_numbers(p));
    Number* lines = packed + l.panels_numbers(p, int(tasks));
    for (std::int64_t index = 0; index < blocks; ++index) {
      const std::int64_t n = index / down * l.images, top = index % down * l.rows;
      const Block b{n, least(l.images, p.n - n), top, least(l.rows, p.p() - top)};
      const Number* arriving = gradient + (n * p.p() + top) * p.q() * p.k;
      if (l.wide) pad_lines(p, l, b, x, lines);
      for (std::int64_t at = panels.begin; at < panels.end; ++at) {
        const std::int64_t channel = at / l.panels * p.k_per_group() + at % l.panels * panel;
        pack_panel(p, b, arriving + channel, panel_columns(p, at % l.panels),
                   packed + (at - panels.begin) * l.positions(p) * panel);
      }
      for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
        const std::int64_t group = l.group_of(tile), at = group * l.panels + l.panel_of(tile) - panels.begin;
        const Range rows = l.rows_of(l.row_of(tile));
        const Number* from = l.wide ? lines : x + n * p.h * p.w * p.c + group * p.c_per_group();
        add_tile(p, l, b, rows.size(), from + rows.begin, packed + at * l.positions(p) * panel,
                 panel_width(p, l.panel_of(tile)), sums + tile * l.tile_numbers(), index > 0);
      }
    }
  });
  const std::int64_t cuts = divided_up(l.row_tiles, scattered);
  share(threads, p.groups * l.panels * cuts, [&](std::int64_t task, int) {
    const std::int64_t begin = task % cuts * scattered;
    scatter(p, l, sums, task / cuts / l.panels, task / cuts % l.panels, {begin, least(begin + scattered, l.row_tiles)},
            to);
  });
}

}  // namespace

extern const WeightGradient direct_gradient;
const WeightGradient direct_gradient{"direct", refuses, cost, workspace, run};

}  // namespace striate::STRIATE_ISA
