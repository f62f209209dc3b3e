// One kernel a channel: nothing is summed over channels, so vectors hold channels and weights are multiplied lane by
// lane.
#include "../share.h"
#include "cost.h"
#include "neighbours.h"

namespace striate::STRIATE_ISA {
namespace {

// Outputs of a row that are computed together: each weight that is loaded is used so often.
constexpr int outputs = 6;

const char* refuses(const Problem& p) {
  if (p.groups != p.c) return "it is not depthwise";
  if (p.k != p.c) return "a channel has more than one kernel";
  return nullptr;
}

// Whether each sample is loaded once for all the outputs that it belongs to.
bool is_known(const Problem& p) { return p.dilation_w == 1 && p.s % 2 == 1 && p.s >= 3 && p.s <= 7 && p.stride_w <= 2; }

double cost(const Problem& p, int) {
  const double sums = double(p.n * p.p() * p.q() * rounded_up(p.k, lanes));
  const double product = (is_known(p) ? 0.27 : 0.36) * lanes + 0.5, slower = is_widest ? 1 : 1.35;
  return slower * (sums * (double(p.r * p.s) * product + 11) + 2.5 * images_cost(p)) + call;
}

std::int64_t prepared(const Problem& p) { return p.r * p.s * p.k; }

std::int64_t workspace(const Problem&, int) { return 0; }

void prepare(const Problem& p, const Weights& w, Number* to, int) {
  for (std::int64_t r = 0; r < p.r; ++r) {
    for (std::int64_t s = 0; s < p.s; ++s) {
      for (std::int64_t k = 0; k < p.k; ++k) *to++ = w.at[k * w.g + r * w.r + s * w.s];
    }
  }
}

// Any kernel. All of the outputs have all the taps of `across`.
template <int Count, bool Full>
void neighbours(const Problem& p, const Tensors& t, const Number* weights, const Place& at, Taps down, Taps across) {
  const std::int64_t rest = Full ? lanes : p.c - at.c;
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = Vector{};
  for (std::int64_t r = down.first; r < down.end; ++r) {
    const Number* row = at.image + ((at.top + r * p.dilation_h) * p.w + at.left) * p.c + at.c;
    for (std::int64_t s = across.first; s < across.end; ++s) {
      const Vector weight = load_first(weights + (r * p.s + s) * p.k + at.c, rest);
      const Number* from = row + s * p.dilation_w * p.c;
#pragma GCC unroll 8
      for (int i = 0; i < Count; ++i) sum[i] += weight * load_first(from + i * p.stride_w * p.c, rest);
    }
  }
  finish(p, t, at, rest, sum);
}

// A kernel of a known width and step, taps side by side: each sample of a row is loaded once for all the outputs that
// it belongs to.
template <int Count, int S, int Stride>
void neighbours_of(const Problem& p, const Tensors& t, const Number* weights, const Place& at, Taps down, Taps) {
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = Vector{};
  for (std::int64_t r = down.first; r < down.end; ++r) {
    const Number* row = at.image + ((at.top + r * p.dilation_h) * p.w + at.left) * p.c + at.c;
    Vector weight[S];
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s) weight[s] = load(weights + (r * S + s) * p.k + at.c);
#pragma GCC unroll 32
    for (int j = 0; j < (Count - 1) * Stride + S; ++j, row += p.c) {
      const Vector sample = load(row);
#pragma GCC unroll 8
      for (int i = 0; i < Count; ++i) {
        if (j - i * Stride >= 0 && j - i * Stride < S) sum[i] += weight[j - i * Stride] * sample;
      }
    }
  }
  finish(p, t, at, lanes, sum);
}

// For whole vectors of channels, `outputs` at a time.
Neighbours* best(const Problem& p) {
  constexpr Neighbours* known[3][2] = {{neighbours_of<outputs, 3, 1>, neighbours_of<outputs, 3, 2>},
                                       {neighbours_of<outputs, 5, 1>, neighbours_of<outputs, 5, 2>},
                                       {neighbours_of<outputs, 7, 1>, neighbours_of<outputs, 7, 2>}};
  return is_known(p) ? known[p.s / 2 - 1][p.stride_w - 1] : neighbours<outputs, true>;
}

void run(const Problem& p, const Tensors& t, const Number* prepared, std::byte*, int threads) {
  Neighbours* const whole = best(p);
  const auto choose = [whole](bool inside, std::int64_t rest) -> Neighbours* {
    if (rest >= lanes) return inside ? whole : neighbours<1, true>;
    return inside ? neighbours<outputs, false> : neighbours<1, false>;
  };
  share(threads, p.n * p.p(), [&](std::int64_t task, int) { row_of_outputs<outputs>(p, t, prepared, task, choose); });
}

}  // namespace

extern const Algorithm depthwise;
const Algorithm depthwise{"depthwise", refuses, cost, prepared, workspace, prepare, run};

}  // namespace striate::STRIATE_ISA
