// Winograd's minimal filtering for the gradient of a 3x3 kernel: F(3x3, 4x4). The gradient that arrives is cut into
// tiles of 4x4, each the filter of a tile of 6x6 of the input; their nine outputs are sums that add up over all tiles,
// so they are transformed back once for many.
//
// Source: Winograd, 1980, as in winograd.h; of gradients, Lavin and Gray, CVPR 2016, section 4.4.
#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "outer.h"
#include "panels.h"
#include "transform.h"

namespace striate::STRIATE_ISA {
namespace {

constexpr double half = 0.70710678118654752440, two = 1.41421356237309504880;  // square roots
constexpr double finite[] = {0, half, -half, two, -two};
constexpr int M = 3, R = 4, tile = 6, points = tile * tile, taps = M * M;
constexpr auto matrices = toom_cook<M, R>(finite);
constexpr auto out_matrix = matrices.out;
constexpr auto in_matrix = matrices.in;
constexpr auto kernel_matrix = matrices.kernel;

std::int64_t tiles_across(const Problem& p) { return divided_up(p.q(), R); }
std::int64_t tiles_of_image(const Problem& p) { return divided_up(p.p(), R) * tiles_across(p); }
std::int64_t tiles(const Problem& p) { return p.n * tiles_of_image(p); }

const char* refuses(const Problem& p) {
  // Where sums are short, the direct ones lose little, and the transforms more than twice as much.
  if (tiles(p) < 48) return "the output has fewer than 48 tiles of 4x4";
  if (p.r != M || p.s != M) return "the kernel is not 3x3";
  if (p.stride_h != 1 || p.stride_w != 1) return "the stride is not 1";
  if (p.dilation_h != 1 || p.dilation_w != 1) return "the dilation is not 1";
  if (p.groups != 1) return "there are groups";
  return nullptr;
}

std::int64_t row_tiles(const Problem& p) { return divided_up(p.c, tile_rows); }

// Tiles whose products are summed before they are transformed back. What a panel of the gradient takes stays in the
// second cache, and the transform back costs a tenth of the products.
std::int64_t block(const Problem& p) { return most(1, least(64, tiles(p))); }

// Numbers from one tile's channels to the next one's. An odd number of cache lines: tiles would fall on one another.
std::int64_t input_step(const Problem& p) { return (divided_up(p.c + tile_rows, cache_line) | 1) * cache_line; }
std::int64_t input_numbers(const Problem& p) { return points * block(p) * input_step(p); }
std::int64_t panel_numbers(const Problem& p) { return points * block(p) * panel; }

constexpr std::int64_t product_numbers = points * tile_rows * panel, sum_numbers = taps * tile_rows * panel;

// Of more than one block, each of some parts is computed by one thread from beginning to end, so what it transforms
// stays in its caches; the parts' sums are added up at the end. As many parts whatever the threads.
std::int64_t blocks(const Problem& p) { return most(1, divided_up(tiles(p), block(p))); }
std::int64_t parts(const Problem& p) { return blocks(p) > 1 ? least(blocks(p), 16) : 0; }

std::int64_t block_numbers(const Problem& p) { return input_numbers(p) + panels_per_group(p) * panel_numbers(p); }
std::int64_t part_numbers(const Problem& p) { return row_tiles(p) * panels_per_group(p) * sum_numbers; }

double cost(const Problem& p, int) {
  const double sums = double(row_tiles(p) * tile_rows) * panels_width(p);
  const double products = double(tiles(p)) * points * sums, weights = double(p.c * p.k * taps);
  const double back = double(blocks(p)) * points * sums * 5 * lanes;
  return products * tile_product + double(tiles(p)) * points * double(p.c + p.k) * 14 + back + weights * 10 * lanes +
         call;
}

std::int64_t workspace(const Problem& p, int threads) {
  const std::int64_t own = threads * (product_numbers + sum_numbers);
  const std::int64_t images = (parts(p) > 0 ? threads : 1) * block_numbers(p);
  return (own + images + parts(p) * part_numbers(p)) * std::int64_t(sizeof(Number));
}

// to[point * step] = matrix · square · matrixᵀ of `lanes` channels; samples outside the image are zero.
template <const auto& matrix, int Size>
[[gnu::always_inline]] inline void transform_square(const Number* image, std::int64_t h, std::int64_t w, std::int64_t c,
                                                    std::int64_t top, std::int64_t left, std::int64_t channels,
                                                    Number* to, std::int64_t step) {
  const bool inside = top >= 0 && top + Size <= h && left >= 0 && left + Size <= w && channels >= lanes;
  Vector partly[tile][Size];
#pragma GCC unroll 1
  for (int j = 0; j < Size; ++j) {
    Vector in[Size], out[tile];
    if (inside) {
#pragma GCC unroll 8
      for (int i = 0; i < Size; ++i) in[i] = load(image + ((top + i) * w + left + j) * c);
    } else {
      for (int i = 0; i < Size; ++i) {
        const bool there = top + i >= 0 && top + i < h && left + j >= 0 && left + j < w;
        in[i] = there ? load_first(image + ((top + i) * w + left + j) * c, channels) : Vector{};
      }
    }
    transform<matrix>(in, out);
#pragma GCC unroll 8
    for (int i = 0; i < tile; ++i) partly[i][j] = out[i];
  }
#pragma GCC unroll 1
  for (int i = 0; i < tile; ++i) {
    Vector out[tile];
    transform<matrix>(partly[i], out);
#pragma GCC unroll 8
    for (int j = 0; j < tile; ++j) store(to + (i * tile + j) * step, out[j]);
  }
}

// The products' sums of all points, to those of the nine taps; added to those of the blocks before.
void transform_back(const Number* products, Number* sums, bool first) {
  for (int at = 0; at < tile_rows * panel; at += lanes) {
    Vector partly[M][tile];
#pragma GCC unroll 1
    for (int j = 0; j < tile; ++j) {
      Vector in[tile], out[M];
#pragma GCC unroll 8
      for (int i = 0; i < tile; ++i) in[i] = load(products + (i * tile + j) * tile_rows * panel + at);
      transform<out_matrix>(in, out);
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) partly[i][j] = out[i];
    }
#pragma GCC unroll 1
    for (int i = 0; i < M; ++i) {
      Vector out[M];
      transform<out_matrix>(partly[i], out);
#pragma GCC unroll 8
      for (int j = 0; j < M; ++j) {
        Number* to = sums + (i * M + j) * tile_rows * panel + at;
        store(to, first ? out[j] : out[j] + load(to));
      }
    }
  }
}

void scatter(const Problem& p, const Number* sums, std::int64_t row_tile, std::int64_t panel_index,
             const WeightsOut& to) {
  const std::int64_t first = row_tile * tile_rows, rows = least(tile_rows, p.c - first);
  for (std::int64_t k = 0; k < panel_columns(p, panel_index); ++k) {
    for (std::int64_t i = 0; i < rows; ++i) {
      Number* kernel = to.at + (panel_index * panel + k) * to.k + (first + i) * to.c;
      for (std::int64_t tap = 0; tap < taps; ++tap)
        kernel[tap / M * to.r + tap % M * to.s] = sums[(tap * tile_rows + i) * panel + k];
    }
  }
}

// What a block of tiles is transformed into.
struct Block {
  Number* input;
  Number* arriving;
};
Block block_at(const Problem& p, Number* at) { return {at, at + input_numbers(p)}; }

// Transform one tile, the `slot`th of its block.
void transform_tile(const Problem& p, const Number* x, const Number* gradient, std::int64_t index, std::int64_t slot,
                    const Block& to) {
  const std::int64_t n = index / tiles_of_image(p), at = index % tiles_of_image(p);
  const std::int64_t top = at / tiles_across(p) * R, left = at % tiles_across(p) * R;
  const std::int64_t size = block(p), step = input_step(p);
  for (std::int64_t c = 0; c < p.c; c += lanes) {
    transform_square<in_matrix, tile>(x + n * p.h * p.w * p.c + c, p.h, p.w, p.c, top - p.top, left - p.left, p.c - c,
                                      to.input + slot * step + c, size * step);
  }
  for (std::int64_t k = 0; k < panels_per_group(p) * panel; k += lanes) {
    transform_square<kernel_matrix, R>(
        gradient + n * p.p() * p.q() * p.k + k, p.p(), p.q(), p.k, top, left, most(0, p.k - k),
        to.arriving + k / panel * panel_numbers(p) + slot * panel + k % panel, size * panel);
  }
}

// The products' sums over the first `count` tiles of a block, for some rows and a panel, at all points.
void multiply_tiles(const Problem& p, const Block& from, std::int64_t count, std::int64_t row_tile,
                    std::int64_t panel_index, Number* products) {
  const std::int64_t size = block(p), step = input_step(p);
  const Places places{1, 1, count, {0, 0, step}, {0, 0, panel}};
  for (int point = 0; point < points; ++point) {
    add_outer(least(tile_rows, p.c - row_tile * tile_rows), from.input + point * size * step + row_tile * tile_rows,
              from.arriving + panel_index * panel_numbers(p) + point * size * panel, places,
              {products + point * tile_rows * panel, panel, panel_width(p, panel_index), false});
  }
}

// One block: its steps are shared by the threads.
void run_block(const Problem& p, const Number* x, const Number* gradient, const WeightsOut& to, Number* scratch,
               int threads) {
  const std::int64_t count = tiles(p), rows = row_tiles(p);
  const Block block = block_at(p, scratch + threads * (product_numbers + sum_numbers));
  share(threads, count, [&](std::int64_t task, int) { transform_tile(p, x, gradient, task, task, block); });
  share(threads, panels_per_group(p) * rows, [&](std::int64_t task, int thread) {
    Number* products = scratch + thread * (product_numbers + sum_numbers);
    multiply_tiles(p, block, count, task % rows, task / rows, products);
    transform_back(products, products + product_numbers, true);
    scatter(p, products + product_numbers, task % rows, task / rows, to);
  });
}

// Many blocks: parts of them are shared by the threads.
void run_parts(const Problem& p, const Number* x, const Number* gradient, const WeightsOut& to, Number* scratch,
               int threads) {
  const std::int64_t size = block(p), rows = row_tiles(p), tasks = panels_per_group(p) * rows;
  Number* images = scratch + threads * (product_numbers + sum_numbers);
  Number* kept = images + threads * block_numbers(p);
  share(threads, parts(p), [&](std::int64_t part, int thread) {
    Number* products = scratch + thread * (product_numbers + sum_numbers);
    const Block own = block_at(p, images + thread * block_numbers(p));
    const std::int64_t begin = blocks(p) * part / parts(p), end = blocks(p) * (part + 1) / parts(p);
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t count = least(size, tiles(p) - index * size);
      for (std::int64_t slot = 0; slot < count; ++slot) transform_tile(p, x, gradient, index * size + slot, slot, own);
      for (std::int64_t task = 0; task < tasks; ++task) {
        multiply_tiles(p, own, count, task % rows, task / rows, products);
        transform_back(products, kept + part * part_numbers(p) + task * sum_numbers, index == begin);
      }
    }
  });
  share(threads, tasks, [&](std::int64_t task, int) {
    Number* sums = kept + task * sum_numbers;
    for (std::int64_t part = 1; part < parts(p); ++part) {
      const Number* more = sums + part * part_numbers(p);
      for (std::int64_t i = 0; i < sum_numbers; ++i) sums[i] += more[i];
    }
    scatter(p, sums, task % rows, task / rows, to);
  });
}

void run(const Problem& p, const Number* x, const Number* gradient, const WeightsOut& to, std::byte* scratch,
         int threads) {
  (parts(p) > 0 ? run_parts : run_block)(p, x, gradient, to, reinterpret_cast<Number*>(scratch), threads);
}

}  // namespace

extern const WeightGradient winograd_gradient;
const WeightGradient winograd_gradient{"winograd-3x3", refuses, cost, workspace, run};

}  // namespace striate::STRIATE_ISA
