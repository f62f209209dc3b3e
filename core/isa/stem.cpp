// The first layer of a network: few input channels, so the taps of a kernel's row and their channels are one run of
// numbers that lie side by side. Rows of the image are copied with their zeros around them, and then no output is at an
// edge.
#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "panels.h"
#include "tile.h"

namespace striate::STRIATE_ISA {
namespace {

constexpr std::int64_t most_channels = 8;

const char* refuses(const Problem& p) {
  if (p.c > most_channels) return "there are more than 8 input channels";
  if (p.groups != 1) return "there are groups";
  if (p.dilation_w != 1) return "taps lie apart";
  return nullptr;
}

std::int64_t run_length(const Problem& p) { return p.s * p.c; }

double cost(const Problem& p, int) {
  const double rows = double(p.n * p.p()), width = panels_width(p);
  const double tiles = rows * double(divided_up(p.q(), tile_rows)) * tile_rows;
  return rows * double(p.q()) * width * double(p.r * run_length(p)) * tile_product + tiles * width * tile_sum +
         tiles * double(p.r) * pointer / 2 + rows * double(p.r * p.w * p.c) * 6 + images_cost(p) / 2 + call / 2;
}

std::int64_t prepared(const Problem& p) { return group_numbers(p, p.r * p.s); }

// Numbers of a row with what is around it; a whole tile may be read beyond the last output.
std::int64_t row_numbers(const Problem& p) { return rounded_up((p.w + most(0, p.left) + most(0, p.right)) * p.c, 16); }
std::int64_t pointers_bytes(const Problem& p) {
  return rounded_up(p.r * tile_rows * std::int64_t(sizeof(Number*)), 64);
}

std::int64_t own_bytes(const Problem& p) {
  return p.r * row_numbers(p) * std::int64_t(sizeof(Number)) + pointers_bytes(p);
}
std::int64_t workspace(const Problem& p, int threads) { return threads * own_bytes(p); }

void prepare(const Problem& p, const Weights& w, Number* prepared, int) {
  for (std::int64_t at = 0; at < panels_per_group(p); ++at) {
    const std::int64_t columns = panel_columns(p, at), width = panel_width(p, at);
    Number* to = prepared + at * panel_numbers(p, p.r * p.s);
    for (std::int64_t r = 0; r < p.r; ++r) {
      for (std::int64_t i = 0; i < run_length(p); ++i, to += width) {
        const Number* from = w.at + at * panel * w.k + i % p.c * w.c + r * w.r + i / p.c * w.s;
        for (std::int64_t k = 0; k < width; ++k) to[k] = k < columns ? from[k * w.k] : Number(0);
      }
    }
  }
}

// Copy a row of the image, zeros around it; all zeros where there is no such row.
void pad(const Problem& p, const Number* image, std::int64_t y, Number* to) {
  const std::int64_t before = most(0, p.left) * p.c, skipped = most(0, -p.left);
  const std::int64_t there = most(0, p.w - skipped) * p.c, all = row_numbers(p);
  if (y < 0 || y >= p.h) {
    __builtin_memset(to, 0, std::size_t(all) * sizeof(Number));
    return;
  }
  __builtin_memset(to, 0, std::size_t(before) * sizeof(Number));
  __builtin_memcpy(to + before, image + (y * p.w + skipped) * p.c, std::size_t(there) * sizeof(Number));
  __builtin_memset(to + before + there, 0, std::size_t(all - before - there) * sizeof(Number));
}

void run(const Problem& p, const Tensors& t, const Number* prepared, std::byte* scratch, int threads) {
  const std::int64_t rows = p.p(), columns = p.q(), numbers = row_numbers(p), panels = panels_per_group(p);
  share(threads, p.n * rows, [&](std::int64_t task, int thread) {
    const std::int64_t n = task / rows, row = task % rows;
    auto* padded = reinterpret_cast<Number*>(scratch + thread * own_bytes(p));
    auto** pointers = reinterpret_cast<const Number**>(padded + p.r * numbers);
    for (std::int64_t r = 0; r < p.r; ++r)
      pad(p, t.x + n * p.h * p.w * p.c, row * p.stride_h - p.top + r * p.dilation_h, padded + r * numbers);
    const std::int64_t tiles = divided_up(columns, tile_rows);
    for (std::int64_t i = 0; i < tiles; ++i) {  // of sizes as equal as can be: a tile of one row is a slow one
      const std::int64_t q = columns * i / tiles, count = columns * (i + 1) / tiles - q;
      for (std::int64_t r = 0; r < p.r; ++r) {
        for (std::int64_t j = 0; j < count; ++j)
          pointers[r * tile_rows + j] = padded + r * numbers + (q + j) * p.stride_w * p.c;
      }
      for (std::int64_t at = 0; at < panels; ++at) {
        multiply(p, at, count)(pointers, tile_rows, p.r, run_length(p), prepared + at * panel_numbers(p, p.r * p.s),
                               store_at(p, t, t.place(n, row, q), 0, at));
      }
    }
  });
}

}  // namespace

extern const Algorithm stem;
const Algorithm stem{"stem", refuses, cost, prepared, workspace, prepare, run};

}  // namespace striate::STRIATE_ISA
