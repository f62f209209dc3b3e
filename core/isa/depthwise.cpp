// One kernel a channel: nothing is summed over channels, so vectors hold channels and weights are multiplied lane by
// lane.
#include "../conv.h"
#include "../share.h"
#include "taps.h"

namespace striate::STRIATE_ISA {
namespace {

// Outputs of a row that are computed together: each weight that is loaded is used so often.
constexpr int outputs = 4;

const char* refuses(const Problem& p) {
  if (p.groups != p.c) return "it is not depthwise";
  if (p.k != p.c) return "a channel has more than one kernel";
  return nullptr;
}

double cost(const Problem& p, int) { return 1.5 * double(lanes * panel_vectors) * double(p.multiply_adds()) / lanes; }

std::int64_t prepared(const Problem& p) { return p.r * p.s * p.k; }

std::int64_t workspace(const Problem&, int) { return 0; }

void prepare(const Problem& p, const Weights& w, float* to, int) {
  for (std::int64_t r = 0; r < p.r; ++r) {
    for (std::int64_t s = 0; s < p.s; ++s) {
      for (std::int64_t k = 0; k < p.k; ++k) *to++ = w.at[k * w.g + r * w.r + s * w.s];
    }
  }
}

// `Count` neighbouring outputs of one row, for the channels from `c` on. All of them have all the taps of `s`.
template <int Count>
[[gnu::always_inline]] inline void neighbours(const Problem& p, const Tensors& t, const float* weights,
                                              const float* image, Taps down, Taps across, std::int64_t top,
                                              std::int64_t left, std::int64_t place, std::int64_t c) {
  const std::int64_t rest = p.c - c;
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = Vector{};
  for (std::int64_t r = down.first; r < down.end; ++r) {
    const float* row = image + ((top + r * p.dilation_h) * p.w + left) * p.c + c;
    for (std::int64_t s = across.first; s < across.end; ++s) {
      const Vector weight = load_first(weights + (r * p.s + s) * p.k + c, rest);
#pragma GCC unroll 8
      for (int i = 0; i < Count; ++i)
        sum[i] += weight * load_first(row + (s * p.dilation_w + i * p.stride_w) * p.c, rest);
    }
  }
  const Vector bias = t.bias ? load_first(t.bias + c, rest) : Vector{};
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) {
    const std::int64_t at = (place + i) * p.k + c;
    Vector value = sum[i] + bias;
    if (t.residual) value += load_first(t.residual + at, rest);
    store_first(t.y + at, p.relu ? rectified(value) : value, rest);
  }
}

void run(const Problem& p, const Tensors& t, const float* prepared, std::byte*, int threads) {
  const std::int64_t rows = p.p(), columns = p.q();
  share(threads, p.n * rows, [&](std::int64_t task, int) {
    const std::int64_t n = task / rows, row = task % rows, top = row * p.stride_h - p.top;
    const float* image = t.x + n * p.h * p.w * p.c;
    const Taps down = taps_inside(top, p.h, p.r, p.dilation_h);
    for (std::int64_t q = 0; q < columns;) {
      const std::int64_t left = q * p.stride_w - p.left, last = left + (outputs - 1) * p.stride_w;
      const bool inside = q + outputs <= columns && left >= 0 && last + (p.s - 1) * p.dilation_w < p.w;
      const std::int64_t place = (n * rows + row) * columns + q;
      for (std::int64_t c = 0; c < p.c; c += lanes) {
        if (inside) {
          neighbours<outputs>(p, t, prepared, image, down, {0, p.s}, top, left, place, c);
        } else {
          neighbours<1>(p, t, prepared, image, down, taps_inside(left, p.w, p.s, p.dilation_w), top, left, place, c);
        }
      }
      q += inside ? outputs : 1;
    }
  });
}

}  // namespace

extern const Algorithm depthwise;
const Algorithm depthwise{"depthwise", refuses, cost, prepared, workspace, prepare, run};

}  // namespace striate::STRIATE_ISA
