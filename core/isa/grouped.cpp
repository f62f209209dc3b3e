// Few channels a group, as many out as in: a vector holds the channels of several groups, and each number of a group is
// brought to all the lanes of its group by a shuffle.
#include "../share.h"
#include "cost.h"
#include "groups.h"
#include "neighbours.h"

namespace striate::STRIATE_ISA {
namespace {

// Outputs of a row that are computed together: each weight that is loaded is used so often.
constexpr int outputs = 6;

double cost(const Problem& p, int) {
  const double sums = double(p.n * p.p() * p.q() * rounded_up(p.k, lanes));
  return sums * (double(p.r * p.s * p.c_per_group()) * (is_widest ? 4 : 3) + 12) + 2 * images_cost(p) + call;
}

std::int64_t step(const Problem& p) { return rounded_up(p.k, lanes); }
std::int64_t prepared(const Problem& p) { return p.r * p.s * p.c_per_group() * step(p); }
std::int64_t workspace(const Problem&, int) { return 0; }

// For each tap, for each number of a group: the weights that it meets in all channels.
void prepare(const Problem& p, const Weights& w, Number* to, int) {
  const std::int64_t each = p.k_per_group();
  for (std::int64_t r = 0; r < p.r; ++r) {
    for (std::int64_t s = 0; s < p.s; ++s) {
      for (std::int64_t c = 0; c < each; ++c) {
        for (std::int64_t k = 0; k < step(p); ++k)
          *to++ = k < p.k ? w.at[k / each * w.g + k % each * w.k + c * w.c + r * w.r + s * w.s] : Number(0);
      }
    }
  }
}

template <int Each, int C, int Count>
[[gnu::always_inline]] inline void add_number(const Vector (&x)[Count], const Number* weights, std::int64_t step,
                                              Vector (&sum)[Count]) {
  const Vector weight = load(weights + C * step);
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] += weight * of_groups<Each, C>(x[i], Every{});
  if constexpr (C + 1 < Each) add_number<Each, C + 1>(x, weights, step, sum);
}

// Any kernel. All of the outputs have all the taps of `across`.
template <int Each, int Count>
void neighbours(const Problem& p, const Tensors& t, const Number* weights, const Place& at, Taps down, Taps across) {
  const std::int64_t rest = p.c - at.c;
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = Vector{};
  for (std::int64_t r = down.first; r < down.end; ++r) {
    const Number* row = at.image + ((at.top + r * p.dilation_h) * p.w + at.left) * p.c + at.c;
    for (std::int64_t s = across.first; s < across.end; ++s) {
      Vector x[Count];
      const Number* from = row + s * p.dilation_w * p.c;
#pragma GCC unroll 8
      for (int i = 0; i < Count; ++i) x[i] = load_first(from + i * p.stride_w * p.c, rest);
      add_number<Each, 0>(x, weights + (r * p.s + s) * Each * step(p) + at.c, step(p), sum);
    }
  }
  finish(p, t, at, rest, sum);
}

// What number `C` of sample `J` of a row adds to all the outputs that the sample belongs to.
template <int Each, int Count, int S, int Stride, int C>
[[gnu::always_inline]] inline void add_sample(int j, Vector x, const Number* weights, std::int64_t step,
                                              Vector (&sum)[Count]) {
  const Vector number = of_groups<Each, C>(x, Every{});
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) {
    const int s = j - i * Stride;
    if (s >= 0 && s < S) sum[i] += load(weights + (s * Each + C) * step) * number;
  }
  if constexpr (C + 1 < Each) add_sample<Each, Count, S, Stride, C + 1>(j, x, weights, step, sum);
}

// A kernel of a known width and step, taps side by side: each sample of a row is shuffled once for all the outputs that
// it belongs to.
template <int Each, int Count, int S, int Stride>
void neighbours_of(const Problem& p, const Tensors& t, const Number* weights, const Place& at, Taps down, Taps) {
  const std::int64_t rest = p.c - at.c;
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = Vector{};
  for (std::int64_t r = down.first; r < down.end; ++r) {
    const Number* row = at.image + ((at.top + r * p.dilation_h) * p.w + at.left) * p.c + at.c;
#pragma GCC unroll 32
    for (int j = 0; j < (Count - 1) * Stride + S; ++j, row += p.c) {
      add_sample<Each, Count, S, Stride, 0>(j, load_first(row, rest), weights + r * S * Each * step(p) + at.c, step(p),
                                            sum);
    }
  }
  finish(p, t, at, rest, sum);
}

template <int Each>
void row_of(const Problem& p, const Tensors& t, const Number* prepared, std::int64_t task) {
  constexpr Neighbours* known[2] = {neighbours_of<Each, outputs, 3, 1>, neighbours_of<Each, outputs, 3, 2>};
  const bool is_known = p.dilation_w == 1 && p.s == 3 && p.stride_w <= 2;
  Neighbours* const together = is_known ? known[p.stride_w - 1] : neighbours<Each, outputs>;
  row_of_outputs<outputs>(p, t, prepared, line_of(p, t, task), [together](bool inside, std::int64_t) -> Neighbours* {
    return inside ? together : neighbours<Each, 1>;
  });
}

void run(const Problem& p, const Tensors& t, const Number* prepared, std::byte*, int threads) {
  share(threads, p.n * p.p(), [&](std::int64_t task, int) {
    switch (p.c_per_group()) {
      case 2:
        return row_of<2>(p, t, prepared, task);
      case 4:
        return row_of<4>(p, t, prepared, task);
      default:
        if constexpr (lanes >= 8) row_of<8>(p, t, prepared, task);
    }
  });
}

}  // namespace

extern const Algorithm grouped;
const Algorithm grouped{"grouped", refuses_groups, cost, prepared, workspace, prepare, run};

}  // namespace striate::STRIATE_ISA
