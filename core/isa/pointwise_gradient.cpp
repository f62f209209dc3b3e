// The gradient of 1x1 kernels: one product of two matrices, (output channel x position) times (position x input
// channel), summed up where the weights lie.
//
// A block of positions at a time. The input is laid out by panels of channels, the gradient by tiles of a few; of the
// smaller of the two, all that a block has is kept in the second cache, and multiplied again and again with what the
// larger one brings.
#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "outer.h"
#include "panels.h"

namespace striate::STRIATE_ISA {
namespace {

const char* refuses(const Problem& p) {
  if (p.r != 1 || p.s != 1) return "the kernel is not 1x1";
  if (p.groups != 1) return "there are groups";
  if (p.top != 0 || p.bottom != 0 || p.left != 0 || p.right != 0) return "there is padding";
  return nullptr;
}

std::int64_t row_tiles(const Problem& p) { return divided_up(p.k, tile_rows); }
std::int64_t panels(const Problem& p) { return divided_up(p.c, panel); }
std::int64_t positions(const Problem& p) { return p.n * p.p() * p.q(); }
std::int64_t rows_of(const Problem& p, std::int64_t tile) { return least(tile_rows, p.k - tile * tile_rows); }

// Positions of a block. The sums are read and written again for each block, so there are not to be many.
std::int64_t block(const Problem& p) {
  constexpr std::int64_t cache = 1 << 20, few = 64, many = 512;
  const std::int64_t fit = cache / (least(p.c, p.k) * std::int64_t(sizeof(Number)));
  return most(1, least(positions(p), most(few, least(many, fit))));
}

// Whether a thread takes the tiles one by one, each with all panels, or the other way round.
bool rows_first(const Problem& p) { return p.c <= p.k; }

std::int64_t rows_numbers(const Problem& p) { return block(p) * row_tiles(p) * tile_rows; }
std::int64_t own_numbers(const Problem& p) { return rows_numbers(p) + block(p) * panels(p) * panel; }

double cost(const Problem& p, int threads) {
  const double places = double(positions(p)), rows = double(rounded_up(p.k, 4)), width = double(panels(p) * panel);
  const double blocks = double(divided_up(positions(p), block(p)));
  // Sums that are read and written again, from one cache to the other: a fifth of the time.
  const double products = 1.2 * places * rows * width * tile_product;
  const double packing = 16 * places * (width + rows) * (threads > 1 ? 1.5 : 1);
  return products + blocks * rows * width * 6 + packing + call;
}

std::int64_t workspace(const Problem& p, int threads) {
  return threads * own_numbers(p) * std::int64_t(sizeof(Number));
}

// The samples that some positions meet, by panels that lie `step` apart. A pixel's channels are read from first to
// last.
void pack_panels(const Problem& p, const Range& places, const Range& wide, const Number* x, Number* to,
                 std::int64_t step) {
  for (std::int64_t at = places.begin; at < places.end;) {
    const std::int64_t row = at / p.q(), line = row / p.p() * p.h + row % p.p() * p.stride_h;
    const std::int64_t first = at % p.q(), count = least(p.q() - first, places.end - at);
    const Number* from = x + (line * p.w + first * p.stride_w) * p.c;
    for (std::int64_t q = 0; q < count; ++q, from += p.stride_w * p.c, to += panel) {
      for (std::int64_t i = wide.begin; i < wide.end; ++i) {
#pragma GCC unroll 4
        for (int j = 0; j < panel_vectors; ++j) {
          const std::int64_t channel = i * panel + j * lanes;
          store(to + i * step + j * lanes, load_first(from + channel, p.c - channel));
        }
      }
    }
    at += count;
  }
}

// The gradient at some positions, by tiles that lie `step` apart.
void pack_rows(const Problem& p, const Range& places, const Range& tiles, const Number* gradient, Number* to,
               std::int64_t step) {
  const std::int64_t whole = least(tiles.end, p.k / tile_rows);
  for (std::int64_t at = places.begin; at < places.end; ++at, to += tile_rows) {
    const Number* from = gradient + at * p.k;
    for (std::int64_t tile = tiles.begin; tile < whole; ++tile)
      __builtin_memcpy(to + tile * step, from + tile * tile_rows, tile_rows * sizeof(Number));
    for (std::int64_t i = whole * tile_rows; whole < tiles.end && i < p.k; ++i)
      to[whole * step + i - whole * tile_rows] = from[i];
  }
}

void run(const Problem& p, const Number* x, const Number* gradient, const WeightsOut& to, std::byte* scratch,
         int threads) {
  // Each thread takes some of the tiles, or of the panels, through all positions, and none waits for another.
  const std::int64_t size = block(p), shared = rows_first(p) ? row_tiles(p) : panels(p), tasks = least(threads, shared);
  share(threads, tasks, [&](std::int64_t task, int thread) {
    const Range own{shared * task / tasks, shared * (task + 1) / tasks};
    const Range tiles = rows_first(p) ? own : Range{0, row_tiles(p)};
    const Range wide = rows_first(p) ? Range{0, panels(p)} : own;
    Number* rows_at = reinterpret_cast<Number*>(scratch) + thread * own_numbers(p);
    Number* panels_at = rows_at + rows_numbers(p);
    for (std::int64_t first = 0; first < positions(p); first += size) {
      const Range places{first, least(first + size, positions(p))};
      pack_rows(p, places, tiles, gradient, rows_at, size * tile_rows);
      pack_panels(p, places, wide, x, panels_at, size * panel);
      const auto multiply = [&](std::int64_t tile, std::int64_t at) {
        const std::int64_t rows = rows_of(p, tile), columns = least(panel, p.c - at * panel);
        const Number* from = rows_at + tile * size * tile_rows;
        const Number* with = panels_at + at * size * panel;
        const Places steps{1, 1, places.size(), {0, 0, tile_rows}, {0, 0, panel}};
        Number* weights = to.at + tile * tile_rows * to.k + at * panel * to.c;
        if (to.c == 1) {
          add_outer(rows, from, with, steps, {weights, to.k, columns, first > 0});
          return;
        }
        Number sums[tile_rows * panel];
        add_outer(rows, from, with, steps, {sums, panel, columns, false});
        for (std::int64_t i = 0; i < rows; ++i) {
          for (std::int64_t c = 0; c < columns; ++c) {
            Number& weight = weights[i * to.k + c * to.c];
            weight = (first > 0 ? weight : Number(0)) + sums[i * panel + c];
          }
        }
      };
      if (rows_first(p)) {
        for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
          for (std::int64_t at = wide.begin; at < wide.end; ++at) multiply(tile, at);
        }
      } else {
        for (std::int64_t at = wide.begin; at < wide.end; ++at) {
          for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile) multiply(tile, at);
        }
      }
    }
  });
}

}  // namespace

extern const WeightGradient pointwise_gradient;
const WeightGradient pointwise_gradient{"pointwise", refuses, cost, workspace, run};

}  // namespace striate::STRIATE_ISA
