// The sums as they are defined, for every kernel: implicit GEMM. Nothing is unfolded: a table of pointers says where
// each output finds its inputs.
//
// Source: Dukhan, "The Indirect Convolution Algorithm", 2019.
#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "panels.h"
#include "tile.h"

namespace striate::STRIATE_ISA {
namespace {

const char* refuses(const Problem&) { return nullptr; }

std::int64_t taps(const Problem& p) { return p.r * p.s; }

// Outputs that a task goes through with one panel of weights before the next: no more than their table of pointers
// allows.
std::int64_t block(const Problem& p) {
  constexpr std::int64_t pointers = 8192, far = 1 << 20;
  const bool from_far = panels_per_group(p) * panel_numbers(p, taps(p)) * std::int64_t(sizeof(Number)) > far;
  return tile_rows * most(1, least(from_far ? most_tiles : near_tiles, pointers / (tile_rows * taps(p))));
}

double cost(const Problem& p, int) {
  const double tiles = double(divided_up(p.n * p.p() * p.q(), tile_rows)), width = double(p.groups) * panels_width(p);
  const double sums = tiles * tile_rows * width, each = double(taps(p) * p.c_per_group());
  const double runs = double(p.groups == 1 && p.dilation_w == 1 ? p.r : taps(p));
  return sums * (each * tile_product + tile_sum) + tiles * tile_rows * double(p.groups) * runs * pointer +
         weights_cost(width * each) + images_cost(p) + call;
}

std::int64_t prepared(const Problem& p) { return p.groups * group_numbers(p, taps(p)); }

std::int64_t table_bytes(const Problem& p) { return block(p) * taps(p) * std::int64_t(sizeof(Number*)); }
std::int64_t zeros(const Problem& p) { return rounded_up((p.groups == 1 ? p.s : 1) * p.c_per_group(), 16); }

// A panel that does not stay in a second cache is gone through in parts, one for each row of the kernel: the tiles'
// sums are kept meanwhile.
std::int64_t parts(const Problem& p) {
  constexpr std::int64_t near = 512 << 10;
  return panel_numbers(p, taps(p)) * std::int64_t(sizeof(Number)) > near ? p.r : 1;
}
std::int64_t sums(const Problem& p) { return parts(p) > 1 ? block(p) * panel : 0; }

std::int64_t workspace(const Problem& p, int threads) {
  return threads * (rounded_up(table_bytes(p), 64) + (sums(p) + zeros(p)) * std::int64_t(sizeof(Number)));
}

void prepare(const Problem& p, const Weights& w, Number* prepared, int threads) {
  pack_panels(p, w, prepared, threads);
}

// Where some outputs find their inputs, in runs that are the same for all of them.
struct Table {
  const Number** rows;
  std::int64_t runs, length;
};

// Fill `into` for the outputs `first` to `first + count`. Inside the image the taps of a row of the kernel lie side by
// side, and are one run; near its sides each tap is a run of its own, which may be of zeros.
Table look_up(const Problem& p, const Number* x, std::int64_t first, std::int64_t count, const Number* zeros,
              const Number** into) {
  const std::int64_t columns = p.q(), rows = p.p();
  std::int64_t column = first % columns, row = first / columns % rows, n = first / columns / rows;
  bool inside = p.groups == 1 && p.dilation_w == 1;
  for (std::int64_t i = 0, at = column; inside && i < count; ++i) {
    const std::int64_t left = at * p.stride_w - p.left;
    inside = left >= 0 && left + p.s <= p.w;
    if (++at == columns) at = 0;
  }
  const std::int64_t runs = inside ? 1 : p.s;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t top = row * p.stride_h - p.top, left = column * p.stride_w - p.left;
    const Number* image = x + n * p.h * p.w * p.c;
    for (std::int64_t r = 0; r < p.r; ++r) {
      const std::int64_t y = top + r * p.dilation_h;
      const bool there = y >= 0 && y < p.h;
      for (std::int64_t s = 0; s < runs; ++s) {
        const std::int64_t at = left + s * p.dilation_w;
        const bool real = there && at >= 0 && at < p.w;
        into[(r * runs + s) * tile_rows + i] = real ? image + (y * p.w + at) * p.c : zeros;
      }
    }
    if (++column == columns) {
      column = 0;
      if (++row == rows) row = 0, ++n;
    }
  }
  return {into, p.r * runs, inside ? p.s * p.c : p.c_per_group()};
}

// Whether sums may be made apart: they begin at the same taps for all outputs. Runs are the same for all where every
// tap of every output is inside the image, as where a kernel is as large as it is.
bool apart_alike(const Problem& p) {
  if (p.c_per_group() % summed == 0) return true;
  return p.groups == 1 && p.dilation_w == 1 && p.top <= 0 && p.left <= 0 &&
         (p.p() - 1) * p.stride_h - p.top + (p.r - 1) * p.dilation_h < p.h &&
         (p.q() - 1) * p.stride_w - p.left + p.s <= p.w;
}

void run(const Problem& p, const Tensors& t, const Number* prepared, std::byte* scratch, int threads) {
  const std::int64_t outputs = p.n * p.p() * p.q(), line = evenly_apart(p, t), size = least(block(p), line);
  const std::int64_t blocks_a_line = divided_up(line, size), blocks = outputs / line * blocks_a_line;
  const std::int64_t panels = panels_per_group(p), numbers = panel_numbers(p, taps(p));
  // Too few blocks to share: the panels are shared as well.
  const std::int64_t cuts = least(panels, divided_up(2 * threads, most(1, blocks * p.groups)));
  const std::int64_t own = workspace(p, 1), pieces = parts(p);
  const bool apart = apart_alike(p);
  share(threads, blocks * p.groups * cuts, [&](std::int64_t task, int thread) {
    const std::int64_t cut = task % cuts, g = task / cuts % p.groups, of_all = task / cuts / p.groups;
    const std::int64_t in_line = of_all % blocks_a_line * size, first = of_all / blocks_a_line * line + in_line;
    auto* kept = reinterpret_cast<Number*>(scratch + thread * own);
    Number* none = kept + sums(p);
    for (std::int64_t i = 0; i < zeros(p); ++i) none[i] = 0;
    auto** pointers = reinterpret_cast<const Number**>(none + zeros(p));
    const std::int64_t count = least(size, line - in_line), tiles = divided_up(count, tile_rows);
    // Of sizes as equal as can be: a tile of one row takes nearly as long as one of six.
    const auto begin = [&](std::int64_t tile) { return first + count * tile / tiles; };
    Table tables[most_tiles];
    std::int64_t places[most_tiles];
    for (std::int64_t i = 0; i < tiles; ++i) {
      places[i] = place_of(p, t, line, begin(i));
      tables[i] = look_up(p, t.x + g * p.c_per_group(), begin(i), begin(i + 1) - begin(i), none,
                          pointers + i * tile_rows * taps(p));
    }
    const std::int64_t last = panels * (cut + 1) / cuts;
    for (std::int64_t at = panels * cut / cuts; at < last; ++at) {
      const Number* weights = prepared + g * group_numbers(p, taps(p)) + at * numbers;
      if (side_by_side(p, count, at, last)) {
        const Table& of = tables[0];
        Store to = store_at(p, t, places[0], g, at);
        to.apart = apart;
        multiply_row(of.rows, tile_rows, of.runs, of.length, weights, numbers, to);
        at += streams - 1;
        continue;
      }
      const std::int64_t of_part = p.r * p.s / pieces * p.c_per_group() * panel_width(p, at);
      for (std::int64_t part = 0; part < pieces; ++part, weights += of_part) {
        for (std::int64_t i = 0; i < tiles; ++i) {
          Store to = store_at(p, t, places[i], g, at);
          to.apart = apart, to.sums = kept + i * tile_rows * panel;
          to.first = part == 0, to.last = part + 1 == pieces, to.far = to.far && to.last;
          if (at + 1 < last || !to.last) call_for(weights + of_part, of_part, i, tiles, to);
          const Table& of = tables[i];
          const std::int64_t runs = of.runs / pieces;
          multiply(p, at, begin(i + 1) - begin(i))(of.rows + part * runs * tile_rows, tile_rows, runs, of.length,
                                                   weights, to);
        }
      }
    }
  });
}

}  // namespace

extern const Algorithm direct;
const Algorithm direct{"direct", refuses, cost, prepared, workspace, prepare, run};

}  // namespace striate::STRIATE_ISA
