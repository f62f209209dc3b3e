// Kernels of one tap: a product of two matrices, of pixels and of kernels. Every pixel of the output is found by
// counting, without a table.
#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "panels.h"
#include "tile.h"

namespace striate::STRIATE_ISA {
namespace {

// Tiles that a task goes through with one panel of weights before the next: fewer than of larger kernels, as there is
// less to add up to each.
constexpr std::int64_t fewer_tiles = is_widest ? 16 : 4;

const char* refuses(const Problem& p) {
  if (p.r != 1 || p.s != 1) return "the kernel has more than one tap";
  if (p.top != 0 || p.bottom != 0 || p.left != 0 || p.right != 0) return "the input is padded or cut";
  return nullptr;
}

std::int64_t block(const Problem& p) {
  constexpr std::int64_t near = 1 << 20;
  const bool from_far = p.groups * group_numbers(p, 1) * std::int64_t(sizeof(Number)) > near;
  return tile_rows * (from_far ? most_tiles : fewer_tiles);
}

double cost(const Problem& p, int) {
  const double tiles = double(divided_up(p.n * p.p() * p.q(), tile_rows)), width = double(p.groups) * panels_width(p);
  const double sums = tiles * tile_rows * width, each = double(p.c_per_group());
  return sums * (each * tile_product + tile_sum) + weights_cost(width * each) + images_cost(p) + call;
}

std::int64_t prepared(const Problem& p) { return p.groups * group_numbers(p, 1); }
// A panel that does not stay in a second cache beside the next is gone through in parts: the sums are kept meanwhile.
std::int64_t parts(const Problem& p) {
  constexpr std::int64_t near = 256 << 10;
  return divided_up(panel_numbers(p, 1) * std::int64_t(sizeof(Number)), near);
}
// The first channel of a part: whole sums are kept, see `summed`.
std::int64_t part_begin(const Problem& p, std::int64_t part, std::int64_t parts) {
  const std::int64_t whole = divided_up(p.c_per_group(), summed);
  return least(p.c_per_group(), whole * part / parts * summed);
}
std::int64_t sums(const Problem& p) { return parts(p) > 1 ? block(p) * panel : 0; }
std::int64_t workspace(const Problem& p, int threads) { return threads * sums(p) * std::int64_t(sizeof(Number)); }
void prepare(const Problem& p, const Weights& w, Number* prepared, int threads) {
  pack_panels(p, w, prepared, threads);
}

// Where the pixels of the outputs from `output` on begin.
void find(const Problem& p, const Number* x, std::int64_t output, std::int64_t count, const Number** rows) {
  const std::int64_t columns = p.q(), lines = p.p();
  std::int64_t column = output % columns, line = output / columns;
  for (std::int64_t i = 0; i < count; ++i) {
    rows[i] = x + ((line / lines * p.h + line % lines * p.stride_h) * p.w + column * p.stride_w) * p.c;
    if (++column == columns) column = 0, ++line;
  }
}

void run(const Problem& p, const Tensors& t, const Number* prepared, std::byte* scratch, int threads) {
  const std::int64_t outputs = p.n * p.p() * p.q(), line = evenly_apart(p, t), size = least(block(p), line);
  const std::int64_t blocks_a_line = divided_up(line, size), blocks = outputs / line * blocks_a_line;
  const std::int64_t panels = panels_per_group(p), numbers = panel_numbers(p, 1);
  const bool x_far = p.n * p.h * p.w * p.c > far_numbers;
  const bool dense = p.stride_h == 1 && p.stride_w == 1;
  // Too few blocks to share: the panels are shared as well.
  const std::int64_t cuts = least(panels, divided_up(2 * threads, most(1, blocks * p.groups)));
  share(threads, blocks * p.groups * cuts, [&](std::int64_t task, int thread) {
    const std::int64_t cut = task % cuts, g = task / cuts % p.groups, of_all = task / cuts / p.groups;
    const std::int64_t in_line = of_all % blocks_a_line * size, first = of_all / blocks_a_line * line + in_line;
    const std::int64_t count = least(size, line - in_line), tiles = divided_up(count, tile_rows);
    // Of sizes as equal as can be: a tile of one row takes nearly as long as one of six.
    const auto begin = [&](std::int64_t tile) { return first + count * tile / tiles; };
    const std::int64_t pieces = tiles > 1 ? parts(p) : 1;
    Number* kept = reinterpret_cast<Number*>(scratch) + thread * sums(p);
    const Number* x = t.x + g * p.c_per_group();
    const Number* rows[most_tiles * tile_rows];
    std::int64_t places[most_tiles];
    for (std::int64_t i = 0; i < tiles; ++i) {
      places[i] = place_of(p, t, line, begin(i));
      if (dense) {
        for (std::int64_t j = begin(i); j < begin(i + 1); ++j) rows[i * tile_rows + j - begin(i)] = x + j * p.c;
      } else {
        find(p, x, begin(i), begin(i + 1) - begin(i), rows + i * tile_rows);
      }
    }
    const std::int64_t cut_begin = panels * cut / cuts, last = panels * (cut + 1) / cuts;
    for (std::int64_t at = cut_begin; at < last; ++at) {
      const Number* weights = prepared + g * group_numbers(p, 1) + at * numbers;
      if (side_by_side(p, count, at, last)) {
        Store to = store_at(p, t, places[0], g, at);
        to.apart = true;
        multiply_row(rows, tile_rows, 1, p.c_per_group(), weights, numbers, to);
        at += streams - 1;
        continue;
      }
      for (std::int64_t part = 0; part < pieces; ++part) {
        const std::int64_t c = part_begin(p, part, pieces), end = part_begin(p, part + 1, pieces);
        const std::int64_t read = (end - c) * panel_width(p, at);
        for (std::int64_t i = 0; i < tiles; ++i) {
          Store to = store_at(p, t, places[i], g, at);
          to.apart = true, to.sums = kept + i * tile_rows * panel;
          to.first = part == 0, to.last = part + 1 == pieces, to.far = to.far && to.last;
          if (dense && at == cut_begin && x_far) {
            to.soon = x + begin(i + 1) * p.c, to.soon_step = tile_rows * std::int64_t(sizeof(Number));
          } else if (at + 1 < last || !to.last) {
            call_for(weights + read, read, i, tiles, to);
          }
          const std::int64_t count_of = begin(i + 1) - begin(i);
          const Number* moved[tile_rows];
          for (std::int64_t j = 0; part > 0 && j < count_of; ++j) moved[j] = rows[i * tile_rows + j] + c;
          multiply(p, at, count_of)(part > 0 ? moved : rows + i * tile_rows, tile_rows, 1, end - c, weights, to);
        }
        weights += read;
      }
    }
  });
}

}  // namespace

extern const Algorithm pointwise;
const Algorithm pointwise{"pointwise", refuses, cost, prepared, workspace, prepare, run};

}  // namespace striate::STRIATE_ISA
