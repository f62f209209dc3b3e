// Products of spectra: convolution of the Fourier transforms' side. Each frequency is a product of two matrices of
// complex numbers by itself, so vectors hold neighbouring frequencies, as the transforms leave them.
//
// Real and imaginary parts are apart while they are multiplied: four multiply-adds then, and no shuffle.
#include "../share.h"
#include "kernels.h"
#include "vector.h"

namespace striate::STRIATE_ISA {
namespace {

// A tile of sums, two registers each; the rest holds a row of either side.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int most_rows = 4, most_columns = 3;
#else
constexpr int most_rows = 2, most_columns = 2;
#endif

constexpr std::int64_t pair = 2 * lanes;  // floats of a vector of complex numbers

// What a task gathers of the left side stays in the second cache: at least a tile's rows, at most so many bytes.
constexpr std::int64_t gathered_bytes = 512 << 10;

// Floats of columns that are multiplied with one tile of rows after the other: they stay there as well.
constexpr std::int64_t near_floats = (192 << 10) / 4;

struct Complex {
  Vector real, imaginary;
};

template <int... lane>
Complex apart(Vector first, Vector second, Lanes<lane...>) {
  return {__builtin_shufflevector(first, second, (2 * lane)...),
          __builtin_shufflevector(first, second, (2 * lane + 1)...)};
}

// Of `count` floats; what lies beyond them is 0.
inline Complex read(const float* from, std::int64_t count) {
  return apart(load_first(from, count), load_first(from + lanes, count - lanes), Every{});
}

template <int... lane>
void write(float* to, Complex value, std::int64_t count, bool add, Lanes<lane...>) {
  Vector first = __builtin_shufflevector(value.real, value.imaginary, (lane / 2 + lane % 2 * lanes)...);
  Vector second = __builtin_shufflevector(value.real, value.imaginary, (lanes / 2 + lane / 2 + lane % 2 * lanes)...);
  if (add) {
    first += load_first(to, count);
    second += load_first(to + lanes, count - lanes);
  }
  store_first(to, first, count);
  if (count > lanes) store_first(to + lanes, second, count - lanes);
}

// Sums over the depth; both sides lie as they are read.
template <int rows, int columns>
void sums(const float* left, const float* right, std::int64_t depth, Complex* sum) {
  const std::int64_t ahead = depth * columns * pair;  // the next columns, which come from memory
  Vector real[rows * columns] = {}, imaginary[rows * columns] = {};
  for (std::int64_t d = 0; d < depth; ++d, left += rows * pair, right += columns * pair) {
    Vector re[columns], im[columns];
#pragma GCC unroll 4
    for (int j = 0; j < columns; ++j) {
      re[j] = load(right + j * pair), im[j] = load(right + j * pair + lanes);
      __builtin_prefetch(right + ahead + j * pair);
      __builtin_prefetch(right + ahead + j * pair + lanes);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      const Vector a = load(left + i * pair), b = load(left + i * pair + lanes);
#pragma GCC unroll 4
      for (int j = 0; j < columns; ++j) {
        real[i * columns + j] += a * re[j];
        imaginary[i * columns + j] += a * im[j];
        real[i * columns + j] -= b * im[j];
        imaginary[i * columns + j] += b * re[j];
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows * columns; ++i) sum[i] = {real[i], imaginary[i]};
}

using Sums = void(const float* left, const float* right, std::int64_t depth, Complex* sum);

Sums* sums_of(std::int64_t rows, std::int64_t columns) {
#if defined(__AVX512F__) || defined(__aarch64__)
  constexpr Sums* table[most_rows][most_columns] = {{sums<1, 1>, sums<1, 2>, sums<1, 3>},
                                                    {sums<2, 1>, sums<2, 2>, sums<2, 3>},
                                                    {sums<3, 1>, sums<3, 2>, sums<3, 3>},
                                                    {sums<4, 1>, sums<4, 2>, sums<4, 3>}};
#else
  constexpr Sums* table[most_rows][most_columns] = {{sums<1, 1>, sums<1, 2>}, {sums<2, 1>, sums<2, 2>}};
#endif
  return table[rows - 1][columns - 1];
}

// How a product is cut into tasks: rows and vectors of frequencies of each, and how many of both.
struct Cut {
  std::int64_t rows, vectors, row_tasks, vector_tasks;
};

Cut cut(const SpectralProduct& p) {
  const std::int64_t vectors = divided_up(p.frequencies, lanes), row = p.depth * pair * std::int64_t(sizeof(float));
  const std::int64_t rows = least(rounded_up(p.rows, most_rows), most(gathered_bytes / row / most_rows, 1) * most_rows);
  const std::int64_t together = least(vectors, most(1, least(64, gathered_bytes / (row * rows))));
  return {rows, together, divided_up(p.rows, rows), divided_up(vectors, together)};
}

// Rows `from` to `from + rows` of so many vectors: by vector, then by tile of rows, then by depth.
void gather(const SpectralProduct& p, std::int64_t group, std::int64_t from, std::int64_t rows, std::int64_t vector,
            std::int64_t vectors, float* to) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t before = i / most_rows * most_rows, width = least(most_rows, rows - before);
    for (std::int64_t d = 0; d < p.depth; ++d) {
      const float* source = p.left + group * p.left_group + (from + i) * p.left_row + d * p.left_depth;
      for (std::int64_t v = 0; v < vectors; ++v) {
        const std::int64_t first = (vector + v) * pair;
        const Complex value = read(source + first, 2 * p.frequencies - first);
        float* place = to + ((v * rows + before) * p.depth + d * width + i - before) * pair;
        store(place, value.real);
        store(place + lanes, value.imaginary);
      }
    }
  }
}

// Tiles of one vector of frequencies: a tile of rows stays in the first cache for some columns, and these in the second
// for all rows.
void multiply(const SpectralProduct& p, std::int64_t group, std::int64_t from, std::int64_t rows, std::int64_t vector,
              const float* left) {
  const float* right = p.right + (group * divided_up(p.frequencies, lanes) + vector) * p.columns * p.depth * pair;
  const std::int64_t first = vector * pair, count = 2 * p.frequencies - first;
  const std::int64_t together = most(1, near_floats / (most_columns * p.depth * pair)) * most_columns;
  Complex sum[most_rows * most_columns];
  for (std::int64_t begin = 0; begin < p.columns; begin += together) {
    const std::int64_t end = least(p.columns, begin + together);
    for (std::int64_t i = 0; i < rows; i += most_rows) {
      const std::int64_t high = least(most_rows, rows - i);
      for (std::int64_t j = begin; j < end; j += most_columns) {
        const std::int64_t wide = least(most_columns, p.columns - j);
        sums_of(high, wide)(left + i * p.depth * pair, right + j * p.depth * pair, p.depth, sum);
        float* out = p.out + group * p.out_group + (from + i) * p.out_row + j * p.out_column + first;
        for (std::int64_t a = 0; a < high; ++a) {
          for (std::int64_t b = 0; b < wide; ++b) {
            write(out + a * p.out_row + b * p.out_column, sum[a * wide + b], count, p.add, Every{});
          }
        }
      }
    }
  }
}

}  // namespace

// As much as any cut takes; more for a greater depth, never less: who multiplies several times asks for the greatest.
std::int64_t spectral_workspace(const SpectralProduct& p) {
  return most(gathered_bytes, most_rows * p.depth * pair * std::int64_t(sizeof(float)));
}

void spectral_product(const SpectralProduct& p, std::byte* scratch, int threads) {
  const Cut c = cut(p);
  const std::int64_t vectors = divided_up(p.frequencies, lanes), each = spectral_workspace(p);
  share(threads, p.groups * c.vector_tasks * c.row_tasks, [&](std::int64_t task, int thread) {
    const std::int64_t group = task / c.row_tasks / c.vector_tasks;
    const std::int64_t vector = task / c.row_tasks % c.vector_tasks * c.vectors, from = task % c.row_tasks * c.rows;
    const std::int64_t together = least(c.vectors, vectors - vector), rows = least(c.rows, p.rows - from);
    float* left = reinterpret_cast<float*>(scratch + thread * each);
    gather(p, group, from, rows, vector, together, left);
    for (std::int64_t v = 0; v < together; ++v) {
      multiply(p, group, from, rows, vector + v, left + v * rows * p.depth * pair);
    }
  });
}

std::int64_t spectral_right(std::int64_t groups, std::int64_t columns, std::int64_t depth, std::int64_t frequencies) {
  return groups * columns * depth * rounded_up(frequencies, lanes) * 2;
}

// By group, then by vector, then by tile of columns, then by depth.
void pack_spectra(const SpectralRight& p, float* to, int threads) {
  const std::int64_t vectors = divided_up(p.frequencies, lanes);
  share(threads, p.groups * p.columns, [&](std::int64_t task, int) {
    const std::int64_t group = task / p.columns, j = task % p.columns;
    const std::int64_t before = j / most_columns * most_columns, width = least(most_columns, p.columns - before);
    for (std::int64_t d = 0; d < p.depth; ++d) {
      const float* from = p.from + group * p.group + j * p.column + d * p.step;
      for (std::int64_t v = 0; v < vectors; ++v) {
        Complex value = read(from + v * pair, 2 * p.frequencies - v * pair);
        float* place = to + (((group * vectors + v) * p.columns + before) * p.depth + d * width + j - before) * pair;
        store(place, value.real);
        store(place + lanes, p.conjugate ? -value.imaginary : value.imaginary);
      }
    }
  });
}

}  // namespace striate::STRIATE_ISA
