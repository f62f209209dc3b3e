// The gradient of kernels of few channels, of one or of a group of 2, 4 or 8, as many out as in: vectors hold channels,
// and a few taps of a kernel's row are summed together.
#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "groups.h"

namespace striate::STRIATE_ISA {
namespace {

// Taps at a time. One sum for each of the group's channels that a tap meets: as many as registers hold, but not more
// than four taps. Memory is what takes the time then.
template <int Each>
constexpr int most_taps = (is_widest ? 24 : 12) / Each > 4 ? 4 : (is_widest ? 24 : 12) / Each;

const char* refuses_depthwise(const Problem& p) {
  if (p.groups != p.c) return "it is not depthwise";
  if (p.k != p.c) return "a channel has more than one kernel";
  return nullptr;
}

// An output loads the gradient once for a few taps, and the input for each.
double cost(const Problem& p, int) {
  const double outputs = double(p.n * p.p() * p.q() * rounded_up(p.k, lanes));
  return outputs * double(p.r * p.s) * (p.c_per_group() == 1 ? 0.5 * lanes : 1.2 * double(p.c_per_group()) + 3) + call;
}

// Rows of all images, in blocks whose sums are added up at the end: as many blocks whatever the threads.
std::int64_t blocks(const Problem& p) { return most(1, least(16, p.n * p.p())); }
std::int64_t sums(const Problem& p) { return p.r * p.s * p.c_per_group() * rounded_up(p.c, lanes); }

std::int64_t workspace(const Problem& p, int) { return blocks(p) * sums(p) * std::int64_t(sizeof(Number)); }

// What one row of outputs adds to the sums of `Count` taps, for a vector of channels.
struct Row {
  const Number* line;      // of the input, where the first tap of the first output is
  const Number* arriving;  // the gradient of the first output
  std::int64_t channels;   // that there are, from here on
  std::int64_t left;       // the first tap's column, which may lie outside the image
};

// `sum[c]` += number `c` of each group, times the gradient.
template <int Each, int C = 0>
[[gnu::always_inline]] inline void add_products(Vector factor, Vector sample, Vector* sum) {
  sum[C] += factor * of_groups<Each, C>(sample, Every{});
  if constexpr (C + 1 < Each) add_products<Each, C + 1>(factor, sample, sum);
}

template <int Each, int Count, bool Full>
void add_row(const Problem& p, const Row& row, Number* sums, std::int64_t step) {
  Vector sum[Count * Each];
#pragma GCC unroll 32
  for (int i = 0; i < Count * Each; ++i) sum[i] = load(sums + i * step);
  const auto number = [&](const Number* from) { return Full ? load(from) : load_first(from, row.channels); };
  const auto checked = [&](std::int64_t column) {
    const Vector factor = number(row.arriving + column * p.k);
#pragma GCC unroll 8
    for (int i = 0; i < Count; ++i) {
      const std::int64_t at = column * p.stride_w + row.left + i * p.dilation_w;
      if (at < 0 || at >= p.w) continue;
      add_products<Each>(factor, number(row.line + (column * p.stride_w + i * p.dilation_w) * p.c), sum + i * Each);
    }
  };
  // Outputs for which every one of the taps falls into the image.
  const std::int64_t columns = p.q(), beyond = p.w - row.left - (Count - 1) * p.dilation_w;
  const std::int64_t first = least(columns, most(0, divided_up(-row.left, p.stride_w)));
  const std::int64_t end = most(first, beyond <= 0 ? 0 : least(columns, divided_up(beyond, p.stride_w)));
  for (std::int64_t column = 0; column < first; ++column) checked(column);
  for (std::int64_t column = first; column < end; ++column) {
    const Vector factor = number(row.arriving + column * p.k);
    const Number* from = row.line + column * p.stride_w * p.c;
#pragma GCC unroll 8
    for (int i = 0; i < Count; ++i) add_products<Each>(factor, number(from + i * p.dilation_w * p.c), sum + i * Each);
  }
  for (std::int64_t column = end; column < columns; ++column) checked(column);
#pragma GCC unroll 32
  for (int i = 0; i < Count * Each; ++i) store(sums + i * step, sum[i]);
}

using AddRow = void(const Problem&, const Row&, Number* sums, std::int64_t step);

// By the number of taps, from 1 on, and whether there is a whole vector of channels.
template <int Each, int Count = most_taps<Each>>
AddRow* by_taps(std::int64_t count, bool full) {
  if constexpr (Count > 1) {
    if (count < Count) return by_taps<Each, Count - 1>(count, full);
  }
  return full ? add_row<Each, Count, true> : add_row<Each, Count, false>;
}

template <int Each>
void add_rows(const Problem& p, const Number* x, const Number* gradient, std::int64_t begin, std::int64_t end,
              Number* own) {
  const std::int64_t step = rounded_up(p.c, lanes);
  for (std::int64_t row = begin; row < end; ++row) {
    for (std::int64_t r = 0; r < p.r; ++r) {
      const std::int64_t y = row % p.p() * p.stride_h - p.top + r * p.dilation_h;
      if (y < 0 || y >= p.h) continue;
      const Number* line = x + (row / p.p() * p.h + y) * p.w * p.c;
      for (std::int64_t c = 0; c < p.c; c += lanes) {
        for (std::int64_t s = 0; s < p.s; s += most_taps<Each>) {
          const std::int64_t left = s * p.dilation_w - p.left;
          const Row found{line + left * p.c + c, gradient + row * p.q() * p.k + c, p.c - c, left};
          by_taps<Each>(least(most_taps<Each>, p.s - s), p.c - c >= lanes)(p, found,
                                                                           own + (r * p.s + s) * Each * step + c, step);
        }
      }
    }
  }
}

using AddRows = void(const Problem&, const Number* x, const Number* gradient, std::int64_t begin, std::int64_t end,
                     Number* own);

AddRows* by_group(std::int64_t each) {
  if (each == 1) return add_rows<1>;
  if (each == 2) return add_rows<2>;
  if constexpr (lanes >= 8) {
    if (each == 8) return add_rows<8>;
  }
  return add_rows<4>;
}

void run(const Problem& p, const Number* x, const Number* gradient, const WeightsOut& to, std::byte* scratch,
         int threads) {
  const std::int64_t rows = p.n * p.p(), step = rounded_up(p.c, lanes), each = p.c_per_group();
  auto* all = reinterpret_cast<Number*>(scratch);
  share(threads, blocks(p), [&](std::int64_t task, int) {
    Number* own = all + task * sums(p);
    for (std::int64_t i = 0; i < sums(p); ++i) own[i] = 0;
    by_group(each)(p, x, gradient, rows * task / blocks(p), rows * (task + 1) / blocks(p), own);
  });
  for (std::int64_t tap = 0; tap < p.r * p.s; ++tap) {
    for (std::int64_t c = 0; c < each; ++c) {
      for (std::int64_t k = 0; k < p.k; ++k) {
        Number total = 0;
        for (std::int64_t block = 0; block < blocks(p); ++block)
          total += all[block * sums(p) + (tap * each + c) * step + k];
        to.at[k / each * to.g + k % each * to.k + c * to.c + tap / p.s * to.r + tap % p.s * to.s] = total;
      }
    }
  }
}

}  // namespace

extern const WeightGradient depthwise_gradient, grouped_gradient;
const WeightGradient depthwise_gradient{"depthwise", refuses_depthwise, cost, workspace, run};
const WeightGradient grouped_gradient{"grouped", refuses_groups, cost, workspace, run};

}  // namespace striate::STRIATE_ISA
