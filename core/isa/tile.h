// The inner product of everything: some rows of numbers, scattered in memory, times a panel of packed weights.
#pragma once

#include "activation.h"
#include "vector.h"

namespace striate::STRIATE_ISA {

// Where the sums of a tile go, and what is done to them before.
struct Store {
  Number* y;               // the first row's, at the panel's first channel
  std::int64_t step;       // from one row to the next, in numbers
  const Number* bias;      // of the panel's channels, or null
  const Number* residual;  // lies as `y` does, or null
  bool relu;
  std::int64_t columns;  // channels of the panel that there are
  bool apart = false;    // every run is summed by itself, and of a long one every `summed` numbers
  const Activation* then = nullptr;
  bool first = true, last = true;  // of the parts that a tile is computed in: the sums are kept from one to the next,
  Number* sums = nullptr;          // `panel` to a row
  bool far = false;                // whether `y` and `residual` come from beyond the second cache
  const Number* soon = nullptr;    // what the next tiles read: called for meanwhile, `soon_step` bytes with every row
  std::int64_t soon_step = 0;
};

// `rows[run * stride + i]` is where row `i` has the `length` numbers of each run; the panel has them in the same order,
// each followed by its weights for all channels of the panel. Each sum adds its products up one by one, in that order,
// so it does not depend on which rows it is computed with. Two sums that are made apart, and then added, have 0.7 times
// the error of one that is twice as long; of a classifier's thousands of products, some hundreds are summed at a time.
using MultiplyTile = void(const Number* const* rows, std::int64_t stride, std::int64_t runs, std::int64_t length,
                          const Number* weights, const Store& store);

// Numbers that are added up before their sum is put aside: enough that this takes a hundredth of the time.
constexpr std::int64_t summed = 256;

// How many rows of the panel before its turn a row is called for. The processor foresees the stream by itself, but not
// far enough where it comes from beyond the second cache: without this, 256 channels at 14x14 take a tenth more.
constexpr int ahead = 32;

template <int Rows, int Vectors, bool Full>
[[gnu::always_inline]] inline void finish(const Vector (&sum)[Rows][Vectors], const Store& store) {
  const Store to = store;  // what is written might be `store`, for all that the compiler knows
#pragma GCC unroll 4
  for (int j = 0; j < Vectors; ++j) {
    const std::int64_t left = Full ? Vectors * lanes : to.columns - j * lanes;
    if (left <= 0) break;
    const Vector bias = to.bias ? load_first(to.bias + j * lanes, left) : Vector{};
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const std::int64_t place = i * to.step + j * lanes;
      Vector value = sum[i][j] + bias;
      if (to.residual) value += load_first(to.residual + place, left);
      store_first(to.y + place, to.relu ? rectified(value) : value, left);
    }
  }
  if (to.then) activate(*to.then, {to.y, to.step, Rows, least(to.columns, Vectors * lanes)});
}

template <int Rows, int Vectors>
void tile(const Number* const* rows, std::int64_t stride, std::int64_t runs, std::int64_t length, const Number* weights,
          const Store& to) {
  Vector sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; ++j)
      sum[i][j] = to.first || to.apart ? Vector{} : load(to.sums + i * panel + j * lanes);
  }
  // What is written comes from memory first, as what is added does: called for now, it is there in time.
  if (to.far) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int line = 0; line < Vectors * lanes; line += cache_line) {
        __builtin_prefetch(to.y + i * to.step + line, 1);
        if (to.residual) __builtin_prefetch(to.residual + i * to.step + line);
      }
    }
  }
  const auto* soon = reinterpret_cast<const std::byte*>(to.soon ? to.soon : weights);
  const std::int64_t soon_step = to.soon_step;
  Vector before[Rows][Vectors] = {};
  const std::int64_t block = to.apart ? summed : length;
  const bool aside = to.apart && (runs > 1 || length > block || !to.first);
  if (to.apart && !to.first) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; ++j) before[i][j] = load(to.sums + i * panel + j * lanes);
    }
  }
  const auto put_aside = [&] {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; ++j) {
        before[i][j] += sum[i][j];
        sum[i][j] = Vector{};
      }
    }
  };
  for (std::int64_t run = 0; run < runs; ++run, rows += stride) {
    const Number* row[Rows];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) row[i] = rows[i];
    if (to.apart && run > 0) put_aside();
    for (std::int64_t at = 0, end = least(block, length); at < length; end = least(end + block, length)) {
      for (; at < end; ++at, weights += Vectors * lanes, soon += soon_step) {
        __builtin_prefetch(soon);
#pragma GCC unroll 4
        for (int line = 0; line < Vectors * lanes; line += cache_line)
          __builtin_prefetch(weights + ahead * Vectors * lanes + line);
        Vector factor[Vectors];
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j) factor[j] = load(weights + j * lanes);
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) {
          const Vector number = spread(row[i][at]);
#pragma GCC unroll 4
          for (int j = 0; j < Vectors; ++j) sum[i][j] += number * factor[j];
        }
      }
      if (at < length) put_aside();
    }
  }
  if (aside) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; ++j) sum[i][j] += before[i][j];
    }
  }
  if (!to.last) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; ++j) store(to.sums + i * panel + j * lanes, sum[i][j]);
    }
  } else if (to.columns >= Vectors * lanes) {
    finish<Rows, Vectors, true>(sum, to);
  } else {
    finish<Rows, Vectors, false>(sum, to);
  }
}

// Panels that are gone through side by side for one row of numbers, `apart` numbers from one to the next. Nothing takes
// time there but to read the weights once, and memory brings more in several streams than in one: of 411 MB a fifth.
constexpr int streams = is_widest ? 8 : 4;
using MultiplyRow = void(const Number* const* rows, std::int64_t stride, std::int64_t runs, std::int64_t length,
                         const Number* weights, std::int64_t apart, const Store& store);
extern MultiplyRow* const multiply_row;

template <int Streams>
void row_of_panels(const Number* const* rows, std::int64_t stride, std::int64_t runs, std::int64_t length,
                   const Number* weights, std::int64_t apart, const Store& to) {
  constexpr int soon = is_widest ? 32 : 8;  // rows of a panel that are called for before their turn
  const std::int64_t block = to.apart ? summed : length;
  Vector sum[Streams][1][panel_vectors] = {}, before[Streams][1][panel_vectors] = {};
  const auto put_aside = [&] {
    for (int i = 0; i < Streams; ++i) {
      for (int j = 0; j < panel_vectors; ++j) {
        before[i][0][j] += sum[i][0][j];
        sum[i][0][j] = Vector{};
      }
    }
  };
  for (std::int64_t run = 0; run < runs; ++run, rows += stride) {
    if (to.apart && run > 0) put_aside();
    for (std::int64_t at = 0; at < length; ++at, weights += panel) {
      if (at > 0 && at % block == 0) put_aside();
      const Vector number = spread(rows[0][at]);
#pragma GCC unroll 8
      for (int i = 0; i < Streams; ++i) {
        const Number* of_panel = weights + i * apart;
#pragma GCC unroll 4
        for (int line = 0; line < panel; line += cache_line) __builtin_prefetch(of_panel + soon * panel + line);
#pragma GCC unroll 4
        for (int j = 0; j < panel_vectors; ++j) sum[i][0][j] += number * load(of_panel + j * lanes);
      }
    }
  }
  if (to.apart && (runs > 1 || length > block)) {
    for (int i = 0; i < Streams; ++i) {
      for (int j = 0; j < panel_vectors; ++j) sum[i][0][j] += before[i][0][j];
    }
  }
  Store one = to;
  one.columns = panel;
#pragma GCC unroll 8
  for (int i = 0; i < Streams; ++i) {
    finish<1, panel_vectors, true>(sum[i], one);
    one.y += panel;
    if (one.bias) one.bias += panel;
    if (one.residual) one.residual += panel;
  }
}

// By the number of vectors in the panel's rows, 1 to panel_vectors, and that of the tile's rows, 1 to tile_rows.
extern MultiplyTile* const multiply_tile[panel_vectors + 1][tile_rows + 1];

}  // namespace striate::STRIATE_ISA
