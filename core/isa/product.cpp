// The product of a matrix and a few gathered columns: what unshared convolution is at one position.
//
// The matrix comes from memory and is read once, from first to last, so it is what takes the time. Sums lie along the
// rows, which are read whole vectors at a time; the columns are first laid out likewise.
#include "kernels.h"
#include "vector.h"

namespace striate::STRIATE_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int tile_columns = 4;  // with four rows: sixteen of 32 registers
#else
constexpr int tile_columns = 2;
#endif

// So much is gathered at once: 16 KiB, which stay in the nearest cache. Longer sums are made of such parts.
constexpr int most_columns = 8, most_depth = 512;

// How many rows before its turn a row is called for. The processor foresees one stream better than four: without this
// the product takes a third to a half more (64 rows of 288 floats, 8 columns, 42 MB of matrices).
constexpr int ahead = 16;

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
void tile(const float* left, std::int64_t step, std::int64_t last, const float* right, std::int64_t depth, float* out) {
  Vector sum[rows * columns] = {};
  const float* row[rows];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) row[i] = left + (i < last ? i : last) * step;
  std::int64_t d = 0;
  for (; d + lanes <= depth; d += lanes) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      __builtin_prefetch(row[i] + ahead * step + d);
      const Vector factor = load(row[i] + d);
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j) sum[i * columns + j] += factor * load(right + j * most_depth + d);
    }
  }
  if (d < depth) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const Vector factor = load_first(row[i] + d, depth - d);
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j) sum[i * columns + j] += factor * load(right + j * most_depth + d);
    }
  }
  totals<rows * columns>(sum, out);
}

// Columns `column` to `column + width` of one part of the depth, laid out as rows, with zeros up to a whole vector.
// `columns` at a time share what is read of `depth_at`; those beyond the last one are the last one again.
template <int columns>
void gather(const Product& p, std::int64_t column, int width, std::int64_t from, std::int64_t depth, float* right) {
  for (int first = 0; first < width; first += columns) {
    const float* source[columns];
    for (int j = 0; j < columns; ++j) {
      source[j] = p.right + p.column_at[column + (first + j < width ? first + j : width - 1)];
    }
    float* to = right + first * most_depth;
    for (std::int64_t d = 0; d < depth; ++d) {
      const std::int64_t at = p.depth_at[from + d];
#pragma GCC unroll 8
      for (int j = 0; j < columns; ++j) to[j * most_depth + d] = source[j][at];
    }
    for (std::int64_t d = depth; d % lanes; ++d) {
      for (int j = 0; j < columns; ++j) to[j * most_depth + d] = 0;
    }
  }
}

// What is gathered, times all rows, a tile at a time: added to `out` where `add` says so.
template <int rows, int columns>
void multiply(const Product& p, const float* right, std::int64_t column, int width, std::int64_t from,
              std::int64_t depth) {
  alignas(64) float found[16];
  for (std::int64_t row = 0; row < p.rows; row += rows) {
    for (int j = 0; j < width; j += columns) {
      tile<rows, columns>(p.left + row * p.depth + from, p.depth, p.rows - 1 - row, right + j * most_depth, depth,
                          found);
      for (int i = 0; i < rows && row + i < p.rows; ++i) {
        float* out = p.out + (row + i) * p.columns + column + j;
        for (int k = 0; k < columns && j + k < width; ++k) {
          out[k] = found[i * columns + k] + (from ? out[k] : 0);
        }
      }
    }
  }
}

}  // namespace

void product(const Product& p) {
  alignas(64) float right[most_columns * most_depth] = {};
  for (std::int64_t column = 0; column < p.columns; column += most_columns) {
    const int width = int(p.columns - column < most_columns ? p.columns - column : most_columns);
    for (std::int64_t from = 0; from == 0 || from < p.depth; from += most_depth) {
      const std::int64_t depth = p.depth - from < most_depth ? p.depth - from : most_depth;
      if (width < tile_columns) {
        gather<1>(p, column, width, from, depth, right);
        multiply<8, 1>(p, right, column, width, from, depth);
      } else {
        gather<tile_columns>(p, column, width, from, depth, right);
        multiply<4, tile_columns>(p, right, column, width, from, depth);
      }
    }
  }
}

}  // namespace striate::STRIATE_ISA
