// Convolution with kernels that depend on the position, and its gradients.
//
// The kernels come from memory and each is read once, from first to last, so for a few images they are what takes the
// time. Everything is a product of a kernel and some columns, which are gathered into the nearest cache.
#include "columns.h"
#include "outer.h"

namespace striate::STRIATE_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int tile_columns = 4;  // with four rows: sixteen of 32 registers
constexpr int most_sums = 16;
#else
constexpr int tile_columns = 2;
constexpr int most_sums = 8;
#endif

// So many columns are multiplied together. Sums are made of parts of so many numbers: eight columns' are 16 KiB, which
// stay in the nearest cache.
constexpr int together = 8, most_depth = 512;

// How many rows before its turn a row is called for. The processor foresees one stream better than four: without this
// the product takes a third to a half more (64 rows of 288 floats, 8 columns, 42 MB of matrices).
constexpr int ahead = 16;

// What gathered columns may take, in floats: the second cache holds them.
constexpr std::int64_t scratch_floats = 1 << 16, scratch_columns = 64;

const float* matrix_of(const Unshared& u, const float* w, std::int64_t kernel, std::int64_t group) {
  return w + (kernel * u.groups + group) * u.k * u.depth();
}

// Outputs of one column, one after the other.
std::int64_t row_floats(const Unshared& u) { return (divided_up(u.k, lanes) | 1) * lanes; }

std::int64_t most_columns(const Unshared& u) {
  return most(together, least(scratch_columns, scratch_floats / (column_floats(u.depth()) + row_floats(u))));
}

// What arrives at columns that are neighbours.
void gather_outputs(const Unshared& u, const float* y, const Column* at, int count, std::int64_t group, float* to) {
  const std::int64_t step = row_floats(u), apart = count > 1 ? at[1].y - at[0].y : 0, rows = u.k, channel = u.y_channel;
  const float* from = y + at[0].y + group * rows * channel;
  for (std::int64_t k = 0; k < rows; ++k, from += channel) {
    for (std::int64_t i = 0; i < count; ++i) to[i * step + k] = from[i * apart];
  }
}

// Of a kernel's columns the `column`th and those that follow it along the last axis, at most so many; returns how many.
int neighbours(const Unshared& u, std::int64_t kernel, std::int64_t column, std::int64_t at_most, Column* at) {
  const std::int64_t turns = u.axes[2].turns(kernel % u.axes[2].kernels);
  const int count = int(least(least(at_most, longest_stretch), turns - column % turns));
  for (int i = 0; i < count; ++i) at[i] = column_at(u, kernel, column + i);
  return count;
}

// Sums of neighbours: of those in `a`, then of those in `b`.
template <int... lane>
Vector fold(Vector a, Vector b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, (2 * lane)...) + __builtin_shufflevector(a, b, (2 * lane + 1)...);
}

// The totals of `sums` vectors, one after the other: each round halves what is left of every sum, until it is one lane.
template <int sums, int width = lanes>
void totals(const Vector* sum, float* out) {
  if constexpr (width == 1) {
    for (int i = 0; i < sums; ++i) store(out + i * lanes, sum[i]);
  } else {
    constexpr int half = sums > 1 ? sums / 2 : 1;
    Vector folded[half];
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) folded[i] = fold(sum[2 * i], sum[sums > 1 ? 2 * i + 1 : 0], Every{});
    totals<half, width / 2>(folded, out);
  }
}

// `rows` times `columns` products of a part of the depth; rows after `last` are `last` again.
template <int rows, int columns>
void tile(const float* left, std::int64_t step, std::int64_t last, const float* const* right, std::int64_t from,
          std::int64_t depth, float* out) {
  Vector sum[rows * columns] = {};
  const float* row[rows];
  const float* column[columns];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) row[i] = left + (i < last ? i : last) * step + from;
#pragma GCC unroll 8
  for (int j = 0; j < columns; ++j) column[j] = right[j] + from;
  std::int64_t d = 0;
  for (; d + lanes <= depth; d += lanes) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      __builtin_prefetch(row[i] + ahead * step + d);
      const Vector factor = load(row[i] + d);
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j) sum[i * columns + j] += factor * load(column[j] + d);
    }
  }
  if (d < depth) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const Vector factor = load_first(row[i] + d, depth - d);
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j) sum[i * columns + j] += factor * load(column[j] + d);
    }
  }
  totals<rows * columns>(sum, out);
}

// One matrix, times `width` columns; of those beyond, up to a whole tile, only the places in `right` must be valid.
template <int rows, int columns>
void multiply(const Unshared& u, const float* left, const float* const* right, int width, float* const* out) {
  alignas(64) float found[16];
  const std::int64_t depth = u.depth();
  for (std::int64_t from = 0; from < depth; from += most_depth) {
    const std::int64_t part = least(most_depth, depth - from);
    for (std::int64_t row = 0; row < u.k; row += rows) {
      for (int j = 0; j < width; j += columns) {
        tile<rows, columns>(left + row * depth, depth, u.k - 1 - row, right + j, from, part, found);
        const int high = int(least(rows, u.k - row)), wide = int(least(columns, width - j));
        for (int k = 0; k < wide; ++k) {
          float* to = out[j + k] + row * u.y_channel;
          for (int i = 0; i < high; ++i, to += u.y_channel) *to = found[i * columns + k] + (from ? *to : 0);
        }
      }
    }
  }
}

// Some numbers of some columns: the sums over all rows of a matrix, times what arrives there. What is read after these
// is called for meanwhile.
template <int Columns, int Vectors>
void backward(const Unshared& u, const float* left, const float* next, const float* arriving, std::int64_t count,
              float* to, std::int64_t to_step) {
  const std::int64_t step = u.depth(), arriving_step = row_floats(u);
  Vector sum[Columns][Vectors] = {};
  const auto add = [&](const auto& read) {
    for (std::int64_t k = 0; k < u.k; ++k) {
      Vector factor[Vectors];
#pragma GCC unroll 16
      for (int i = 0; i < Vectors; ++i) {
        __builtin_prefetch(next + k * step + i * lanes);
        factor[i] = read(left + k * step, i * lanes);
      }
#pragma GCC unroll 8
      for (int j = 0; j < Columns; ++j) {
        const Vector number = spread(arriving[j * arriving_step + k]);
#pragma GCC unroll 16
        for (int i = 0; i < Vectors; ++i) sum[j][i] += number * factor[i];
      }
    }
  };
  if (count >= Vectors * lanes) {
    add([](const float* row, int at) { return load(row + at); });
  } else {
    add([count](const float* row, int at) { return load_first(row + at, count - at); });
  }
#pragma GCC unroll 8
  for (int j = 0; j < Columns; ++j) {
#pragma GCC unroll 16
    for (int i = 0; i < Vectors; ++i) store_first(to + j * to_step + i * lanes, sum[j][i], count - i * lanes);
  }
}

// By columns, as powers of two: as many vectors as there are sums, or one.
using Backward = void(const Unshared&, const float* left, const float* next, const float* arriving, std::int64_t count,
                      float* to, std::int64_t to_step);
struct Spread {
  int columns, vectors;
  Backward* many;
  Backward* one;
};
constexpr Spread spreads[] = {
    {1, most_sums, backward<1, most_sums>, backward<1, 1>},
    {2, most_sums / 2, backward<2, most_sums / 2>, backward<2, 1>},
    {4, most_sums / 4, backward<4, most_sums / 4>, backward<4, 1>},
    {8, most_sums / 8, backward<8, most_sums / 8>, backward<8, 1>},
};

void clear(const Unshared& u, const Channels& some, float* x) {
  const auto& [slow, middle, fast] = u.axes;
  for (std::int64_t row = 0; row < u.n * (some.end - some.first) * slow.size * middle.size; ++row) {
    const std::int64_t j = row % middle.size, i = row / middle.size % slow.size, plane = row / middle.size / slow.size;
    const std::int64_t c = some.group * u.c + some.first + plane % (some.end - some.first);
    float* to = x + plane / (some.end - some.first) * u.x_image + c * u.x_channel + i * slow.x + j * middle.x;
    for (std::int64_t k = 0; k < fast.size; ++k) to[k * fast.x] = 0;
  }
}

}  // namespace

std::int64_t unshared_scratch(const Unshared& u) {
  return most_columns(u) * (column_floats(u.depth()) + row_floats(u));
}

std::int64_t unshared_columns(const Unshared& u) { return most_columns(u); }

void unshared(const Unshared& u, const float* x, const float* w, float* y, const Stretch& some, float* scratch) {
  const std::int64_t step = column_floats(u.depth()), kernels = u.axes[2].kernels;
  const int count = int(some.end - some.first), images = int(some.images);
  Column at[longest_stretch];
  float* out[scratch_columns];
  for (int image = 0; image < images; ++image) {
    for (int i = 0; i < count; ++i) {
      at[i] = column_at(u, some.image + image, {some.slow, some.middle, some.first + i});
      out[image * count + i] = y + at[i].y + some.group * u.k * u.y_channel;
    }
    gather(u, x, at, count, {some.group, 0, u.c}, scratch + image * count * step, step);
  }
  for (int first = 0; first < least(kernels, count); ++first) {
    const std::int64_t row = some.slow % u.axes[0].kernels * u.axes[1].kernels + some.middle % u.axes[1].kernels;
    const float* left = matrix_of(u, w, row * kernels + (some.first + first) % kernels, some.group);
    // The columns of this kernel: every so many of the stretch.
    const float* right[together + tile_columns];
    float* to[together];
    int width = 0;
    for (int i = first, image = 0; image < images;) {
      right[width] = scratch + (image * count + i) * step, to[width++] = out[image * count + i];
      i += int(kernels);
      if (i >= count) i = first, ++image;
      if (width < together && image < images) continue;
      for (int j = 0; j < tile_columns; ++j) right[width + j] = right[width - 1];
      (width < tile_columns ? multiply<8, 1> : multiply<4, tile_columns>)(u, left, right, width, to);
      width = 0;
    }
  }
}

void unshared_input_gradient(const Unshared& u, const float* y, const float* w, float* x, const Channels& some,
                             float* scratch) {
  const std::int64_t step = column_floats(u.depth()), row_step = row_floats(u), taps = u.taps();
  const std::int64_t begin = some.first * taps, depth = (some.end - some.first) * taps;
  float* arriving = scratch + together * step;
  clear(u, some, x);
  for (std::int64_t kernel = 0; kernel < u.kernels(); ++kernel) {
    const float* left = matrix_of(u, w, kernel, some.group) + begin;
    const std::int64_t columns = u.columns(kernel);
    for (std::int64_t column = 0; column < columns; column += together) {
      const int width = int(least(together, columns - column));
      const Spread* by = spreads;
      while (by->columns < width) ++by;
      Column at[together];
      int counts[together];
      for (int j = 0; j < width; j += counts[j]) {
        counts[j] = neighbours(u, kernel, column + j, width - j, at + j);
        gather_outputs(u, y, at + j, counts[j], some.group, arriving + j * row_step);
      }
      const float* after = kernel + 1 < u.kernels() ? left + u.groups * u.k * u.depth() : left;
      for (std::int64_t d = 0; d < depth;) {
        const int vectors = depth - d > by->vectors / 2 * lanes ? by->vectors : 1;
        const std::int64_t end = d + vectors * lanes;
        (vectors > 1 ? by->many : by->one)(u, left + d, end < depth ? left + end : after, arriving, depth - d,
                                           scratch + d, step);
        d = end;
      }
      for (int j = 0; j < width; j += counts[j]) scatter(u, scratch + j * step, step, at + j, counts[j], some, x);
    }
  }
}

void unshared_weight_gradient(const Unshared& u, const float* x, const float* y, float* w, std::int64_t kernel,
                              const Channels& some, float* scratch) {
  const std::int64_t step = column_floats(u.depth()), row_step = row_floats(u), taps = u.taps();
  const std::int64_t begin = some.first * taps, depth = (some.end - some.first) * taps;
  const std::int64_t block = most_columns(u);
  float* const arriving = scratch + block * step;
  float* const to = w + (kernel * u.groups + some.group) * u.k * u.depth() + begin;
  const std::int64_t columns = u.columns(kernel);
  for (std::int64_t first = 0; first == 0 || first < columns; first += block) {
    const std::int64_t width = least(block, columns - first);
    Column at[longest_stretch];
    for (std::int64_t j = 0; j < width;) {
      const int count = neighbours(u, kernel, first + j, width - j, at);
      gather(u, x, at, count, some, scratch + j * step, step);
      gather_outputs(u, y, at, count, some.group, arriving + j * row_step);
      j += count;
    }
    const Places places{1, 1, width, {0, 0, row_step}, {0, 0, step}};
    for (std::int64_t row = 0; row < u.k; row += tile_rows) {
      for (std::int64_t d = 0; d < depth; d += panel) {
        add_outer(least(tile_rows, u.k - row), arriving + row, scratch + d, places,
                  {to + row * u.depth() + d, u.depth(), depth - d, first > 0});
      }
    }
  }
}

}  // namespace striate::STRIATE_ISA
