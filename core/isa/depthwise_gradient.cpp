// The gradient of one kernel a channel: vectors hold channels, and a few taps of a kernel's row are summed together.
#include "../conv.h"
#include "../share.h"
#include "cost.h"
#include "vector.h"

namespace striate::STRIATE_ISA {
namespace {

constexpr int most_taps =
    4;  // at a time: more sums are not needed to keep the units busy, memory is what takes the time

const char* refuses(const Problem& p) {
  if (p.groups != p.c) return "it is not depthwise";
  if (p.k != p.c) return "a channel has more than one kernel";
  return nullptr;
}

// An output loads the gradient once for a few taps, and the input for each.
double cost(const Problem& p, int) { return 0.5 * lanes * double(p.multiply_adds()) + call; }

// Rows of all images, in blocks whose sums are added up at the end: as many blocks whatever the threads.
std::int64_t blocks(const Problem& p) { return most(1, least(16, p.n * p.p())); }
std::int64_t sums(const Problem& p) { return p.r * p.s * rounded_up(p.c, lanes); }

std::int64_t workspace(const Problem& p, int) { return blocks(p) * sums(p) * std::int64_t(sizeof(float)); }

// What one row of outputs adds to the sums of `Count` taps, for a vector of channels.
struct Row {
  const float* line;      // of the input, where the first tap of the first output is
  const float* arriving;  // the gradient of the first output
  std::int64_t channels;  // that there are, from here on
  std::int64_t left;      // the first tap's column, which may lie outside the image
};

template <int Count, bool Full>
void add_row(const Problem& p, const Row& row, float* sums, std::int64_t step) {
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = load(sums + i * step);
  const auto number = [&](const float* from) { return Full ? load(from) : load_first(from, row.channels); };
  const auto checked = [&](std::int64_t column) {
    const Vector factor = number(row.arriving + column * p.k);
#pragma GCC unroll 8
    for (int i = 0; i < Count; ++i) {
      const std::int64_t at = column * p.stride_w + row.left + i * p.dilation_w;
      if (at >= 0 && at < p.w) sum[i] += factor * number(row.line + (column * p.stride_w + i * p.dilation_w) * p.c);
    }
  };
  // Outputs for which every one of the taps falls into the image.
  const std::int64_t columns = p.q(), beyond = p.w - row.left - (Count - 1) * p.dilation_w;
  const std::int64_t first = least(columns, most(0, divided_up(-row.left, p.stride_w)));
  const std::int64_t end = most(first, beyond <= 0 ? 0 : least(columns, divided_up(beyond, p.stride_w)));
  for (std::int64_t column = 0; column < first; ++column) checked(column);
  for (std::int64_t column = first; column < end; ++column) {
    const Vector factor = number(row.arriving + column * p.k);
    const float* from = row.line + column * p.stride_w * p.c;
#pragma GCC unroll 8
    for (int i = 0; i < Count; ++i) sum[i] += factor * number(from + i * p.dilation_w * p.c);
  }
  for (std::int64_t column = end; column < columns; ++column) checked(column);
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) store(sums + i * step, sum[i]);
}

using AddRow = void(const Problem&, const Row&, float* sums, std::int64_t step);
constexpr AddRow* by_taps[most_taps + 1][2] = {{},
                                               {add_row<1, false>, add_row<1, true>},
                                               {add_row<2, false>, add_row<2, true>},
                                               {add_row<3, false>, add_row<3, true>},
                                               {add_row<4, false>, add_row<4, true>}};

void run(const Problem& p, const float* x, const float* gradient, const WeightsOut& to, std::byte* scratch,
         int threads) {
  const std::int64_t rows = p.n * p.p(), step = rounded_up(p.c, lanes);
  auto* all = reinterpret_cast<float*>(scratch);
  share(threads, blocks(p), [&](std::int64_t task, int) {
    float* own = all + task * sums(p);
    for (std::int64_t i = 0; i < sums(p); ++i) own[i] = 0;
    for (std::int64_t row = rows * task / blocks(p); row < rows * (task + 1) / blocks(p); ++row) {
      for (std::int64_t r = 0; r < p.r; ++r) {
        const std::int64_t y = row % p.p() * p.stride_h - p.top + r * p.dilation_h;
        if (y < 0 || y >= p.h) continue;
        const float* line = x + (row / p.p() * p.h + y) * p.w * p.c;
        for (std::int64_t c = 0; c < p.c; c += lanes) {
          for (std::int64_t s = 0; s < p.s; s += most_taps) {
            const std::int64_t left = s * p.dilation_w - p.left;
            const Row found{line + left * p.c + c, gradient + row * p.q() * p.k + c, p.c - c, left};
            by_taps[least(most_taps, p.s - s)][p.c - c >= lanes](p, found, own + (r * p.s + s) * step + c, step);
          }
        }
      }
    }
  });
  for (std::int64_t tap = 0; tap < p.r * p.s; ++tap) {
    for (std::int64_t c = 0; c < p.c; ++c) {
      float total = 0;
      for (std::int64_t block = 0; block < blocks(p); ++block) total += all[block * sums(p) + tap * step + c];
      to.at[c * to.g + tap / p.s * to.r + tap % p.s * to.s] = total;
    }
  }
}

}  // namespace

extern const WeightGradient depthwise_gradient;
const WeightGradient depthwise_gradient{"depthwise", refuses, cost, workspace, run};

}  // namespace striate::STRIATE_ISA
