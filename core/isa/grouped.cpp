// Few channels a group, as many out as in: a vector holds the channels of several groups, and each number of a group is
// brought to all the lanes of its group by a shuffle.
#include "../conv.h"
#include "../share.h"
#include "taps.h"

namespace striate::STRIATE_ISA {
namespace {

// Outputs of a row that are computed together: each weight that is loaded is used so often.
constexpr int outputs = 6;

const char* refuses(const Problem& p) {
  const std::int64_t each = p.c_per_group();
  if (p.groups == 1) return "there are no groups";
  if (each != p.k_per_group()) return "a group has not as many channels out as in";
  if (each != 2 && each != 4 && each != 8) return "a group has not 2, 4 or 8 channels";
  if (each > lanes) return "a vector does not hold a group";
  return nullptr;
}

// A shuffle for each product, and at the ends of rows a weight for each as well.
double cost(const Problem& p, int) {
  return 2.2 * panel_vectors * double(p.multiply_adds()) / double(p.k) * double(rounded_up(p.k, lanes));
}

std::int64_t step(const Problem& p) { return rounded_up(p.k, lanes); }
std::int64_t prepared(const Problem& p) { return p.r * p.s * p.c_per_group() * step(p); }
std::int64_t workspace(const Problem&, int) { return 0; }

// For each tap, for each number of a group: the weights that it meets in all channels.
void prepare(const Problem& p, const Weights& w, float* to, int) {
  const std::int64_t each = p.k_per_group();
  for (std::int64_t r = 0; r < p.r; ++r) {
    for (std::int64_t s = 0; s < p.s; ++s) {
      for (std::int64_t c = 0; c < each; ++c) {
        for (std::int64_t k = 0; k < step(p); ++k)
          *to++ = k < p.k ? w.at[k / each * w.g + k % each * w.k + c * w.c + r * w.r + s * w.s] : 0.0f;
      }
    }
  }
}

// Number `C` of each group of `Each`, in all of the group's lanes.
template <int Each, int C, int... lane>
[[gnu::always_inline]] inline Vector of_groups(Vector x, Lanes<lane...>) {
  return __builtin_shufflevector(x, x, (lane / Each * Each + C)...);
}

template <int Each, int C, int Count>
[[gnu::always_inline]] inline void add_number(const Vector (&x)[Count], const float* weights, std::int64_t step,
                                              Vector (&sum)[Count]) {
  const Vector weight = load(weights + C * step);
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] += weight * of_groups<Each, C>(x[i], Every{});
  if constexpr (C + 1 < Each) add_number<Each, C + 1>(x, weights, step, sum);
}

// `Count` neighbouring outputs of one row, for a vector of channels from `c` on. All of them have all the taps across.
template <int Each, int Count>
void neighbours(const Problem& p, const Tensors& t, const float* weights, const float* image, Taps down, Taps across,
                std::int64_t top, std::int64_t left, std::int64_t place, std::int64_t c) {
  const std::int64_t rest = p.c - c;
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = Vector{};
  for (std::int64_t r = down.first; r < down.end; ++r) {
    const float* row = image + ((top + r * p.dilation_h) * p.w + left) * p.c + c;
    for (std::int64_t s = across.first; s < across.end; ++s) {
      Vector x[Count];
      const float* from = row + s * p.dilation_w * p.c;
      if (rest >= lanes) {
#pragma GCC unroll 8
        for (int i = 0; i < Count; ++i) x[i] = load(from + i * p.stride_w * p.c);
      } else {
        for (int i = 0; i < Count; ++i) x[i] = load_first(from + i * p.stride_w * p.c, rest);
      }
      add_number<Each, 0>(x, weights + (r * p.s + s) * Each * step(p) + c, step(p), sum);
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

template <int Each>
void row_of(const Problem& p, const Tensors& t, const float* prepared, std::int64_t task) {
  const std::int64_t rows = p.p(), columns = p.q(), n = task / rows, top = task % rows * p.stride_h - p.top;
  const float* image = t.x + n * p.h * p.w * p.c;
  const Taps down = taps_inside(top, p.h, p.r, p.dilation_h);
  for (std::int64_t q = 0; q < columns;) {
    const std::int64_t left = q * p.stride_w - p.left, last = left + (outputs - 1) * p.stride_w;
    const bool inside = q + outputs <= columns && left >= 0 && last + (p.s - 1) * p.dilation_w < p.w;
    const std::int64_t place = task * columns + q;
    for (std::int64_t c = 0; c < p.c; c += lanes) {
      if (inside) {
        neighbours<Each, outputs>(p, t, prepared, image, down, {0, p.s}, top, left, place, c);
      } else {
        neighbours<Each, 1>(p, t, prepared, image, down, taps_inside(left, p.w, p.s, p.dilation_w), top, left, place,
                            c);
      }
    }
    q += inside ? outputs : 1;
  }
}

void run(const Problem& p, const Tensors& t, const float* prepared, std::byte*, int threads) {
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
const Algorithm grouped{"grouped", refuses, cost, prepared, workspace, prepare, run};

}  // namespace striate::STRIATE_ISA
