// One kernel a channel: nothing is summed over channels, so vectors hold channels and weights are multiplied lane by
// lane. Of volumes all planes of a kernel are summed before anything is stored.
#include "../share.h"
#include "cost.h"
#include "depthwise_runs.h"

namespace striate::STRIATE_ISA {
namespace {

// Outputs of a row that are computed together: each weight that is loaded is used so often. With more registers as many
// as divide the widths of most networks' images.
constexpr int outputs = is_widest ? 7 : 6;

const char* refuses(const Problem& p) {
  if (p.groups != p.c) return "it is not depthwise";
  if (p.k != p.c) return "a channel has more than one kernel";
  return nullptr;
}

// Whether each sample is loaded once for all the outputs that it belongs to: the compiler knows the width, or the taps
// are so many that they are taken in runs.
bool is_known(const Problem& p) { return p.dilation_w == 1 && p.s % 2 == 1 && p.s >= 3 && p.s <= 7 && p.stride_w <= 2; }
bool is_wide(const Problem& p) { return p.dilation_w == 1 && p.s >= 8 && p.stride_w == 1; }

constexpr double slower = is_widest ? 1 : 1.35;

// Fitted to times of 3x3 to 31x31 kernels, and of 3x3x3, with AVX2 and with AVX-512.
double product(const Problem& p) {
  return is_known(p) ? 0.05 * lanes + 1.85 : is_wide(p) ? 1.4 : slower * (0.36 * lanes + 0.5);
}

// For outputs, rows of products of each of them together, samples that are read and samples that are written.
double cost_of(const Problem& p, double sums, double rows, double read, double written) {
  constexpr double sum = is_widest ? 28 : 18;
  return double(rounded_up(p.k, lanes)) * (rows * double(p.s) * product(p) + sums * sum) +
         slower * 2.5 * image_number * (read + 2 * written) * double(p.c) + call;
}

double cost(const Problem& p, int) {
  const double sums = double(p.n * p.p() * p.q());
  return cost_of(p, sums, sums * double(p.r), double(p.n * p.h * p.w), sums);
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
void neighbours(const Problem& p, const Tensors& t, const Planes& of, const Place& at, Taps down, Taps across) {
  const std::int64_t rest = Full ? lanes : p.c - at.c;
  Vector sum[Count];
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) sum[i] = Vector{};
  each_row(p, of, at, down, [&](const Number* row, const Number* weights) {
    for (std::int64_t s = across.first; s < across.end; ++s) {
      const Vector weight = load_first(weights + s * p.k, rest);
      const Number* from = row + s * p.dilation_w * p.c;
#pragma GCC unroll 8
      for (int i = 0; i < Count; ++i) sum[i] += weight * load_first(from + i * p.stride_w * p.c, rest);
    }
  });
  finish(p, t, at, rest, sum);
}

void row_of_any(const Problem& p, const Tensors& t, const Planes& of, const Line& line) {
  row_of_outputs<outputs>(p, t, of, line, [](bool inside, std::int64_t rest) {
    if (rest >= lanes) return inside ? neighbours<outputs, true> : neighbours<1, true>;
    return inside ? neighbours<outputs, false> : neighbours<1, false>;
  });
}

// Rows that are computed together, where each row of the image is of use to both: with enough registers.
bool in_pairs(const Problem& p) {
  return is_widest && (is_known(p) || is_wide(p)) && p.stride_h == 1 && p.dilation_h == 1;
}

// Outputs of a row or of two, `outputs` at a time; the last may be fewer.
template <int Rows, int S, int Stride>
void row_of_runs(const Problem& p, const Tensors& t, const Planes& of, const Line& line) {
  const std::int64_t columns = p.q();
  const Down down{taps_inside(line.top, p.h, p.r, p.dilation_h),
                  taps_inside(line.top + Rows - 1, p.h, p.r, p.dilation_h)};
  for (std::int64_t q = 0; q < columns; q += outputs) {
    const std::int64_t left = q * Stride - p.left, count = least(outputs, columns - q);
    const bool inside = count == outputs && left >= 0 && left + (outputs - 1) * Stride + p.s <= p.w;
    const auto whole =
        inside ? runs<Rows, outputs, S, Stride, true, true> : runs<Rows, outputs, S, Stride, false, true>;
    Place at{line.image, line.top, left, line.output + q * t.apart.pixel, 0};
    for (; at.c + lanes <= p.c; at.c += lanes) whole(p, t, of, at, down, count);
    const auto part =
        inside ? runs<Rows, outputs, S, Stride, true, false> : runs<Rows, outputs, S, Stride, false, false>;
    if (at.c < p.c) part(p, t, of, at, down, count);
  }
}

using RowOf = void(const Problem&, const Tensors&, const Planes&, const Line&);

template <int Rows>
RowOf* row_for(const Problem& p) {
  constexpr RowOf* known[3][2] = {{row_of_runs<Rows, 3, 1>, row_of_runs<Rows, 3, 2>},
                                  {row_of_runs<Rows, 5, 1>, row_of_runs<Rows, 5, 2>},
                                  {row_of_runs<Rows, 7, 1>, row_of_runs<Rows, 7, 2>}};
  return is_known(p) ? known[p.s / 2 - 1][p.stride_w - 1] : is_wide(p) ? row_of_runs<Rows, 0, 1> : row_of_any;
}

// The rows from `first` to `end` of an image's output, which is the `n`th; `image` is what its first plane meets.
void some_rows(const Problem& p, const Tensors& t, const Planes& of, const Number* image, std::int64_t n,
               std::int64_t first, std::int64_t end) {
  const auto line = [&](std::int64_t row) { return Line{image, row * p.stride_h - p.top, t.place(n, row, 0)}; };
  std::int64_t row = first;
  if constexpr (is_widest) {
    RowOf* const two = row_for<2>(p);
    for (; in_pairs(p) && row + 2 <= end; row += 2) two(p, t, of, line(row));
  }
  RowOf* const one = row_for<1>(p);
  for (; row < end; ++row) one(p, t, of, line(row));
}

// Rows of a task: an even number, where two are computed together.
void run(const Problem& p, const Tensors& t, const Number* prepared, std::byte*, int threads) {
  const Planes one{&prepared, 1, 0};
  const std::int64_t rows = in_pairs(p) ? 2 : 1, tasks = divided_up(p.p(), rows);
  share(threads, p.n * tasks, [&](std::int64_t task, int) {
    const std::int64_t n = task / tasks, first = task % tasks * rows;
    some_rows(p, t, one, t.x + n * p.h * p.w * p.c, n, first, least(p.p(), first + rows));
  });
}

const char* refuses_deep(const Problem&, const Deep&) { return nullptr; }

double cost_deep(const Problem& p, const Deep& d) {
  double planes = 0;
  for (std::int64_t position = 0; position < d.positions; ++position) {
    const Deep::Met met = d.met(position);
    planes += double(met.end - met.first);
  }
  const double volumes = double(d.volumes), slice = double(p.p() * p.q()), sums = volumes * double(d.positions) * slice;
  return cost_of(p, sums, volumes * planes * slice * double(p.r), volumes * double(d.slices * p.h * p.w), sums);
}

std::int64_t workspace_deep(const Problem&, const Deep&, int) { return 0; }

// Some rows of all slices one after the other: what the next slices read of them is in a cache yet.
void run_deep(const Problem& p, const Deep& d, const Tensors& t, const Number* const* prepared, std::byte*,
              int threads) {
  constexpr std::int64_t near = (256 << 10) / std::int64_t(sizeof(Number));
  const std::int64_t rows = p.p(), slice = p.h * p.w * p.c;
  const std::int64_t fitting = (near / (d.planes * p.w * p.c) - p.r) / p.stride_h;
  const std::int64_t height = rounded_up(most(1, least(fitting, divided_up(rows, threads))), in_pairs(p) ? 2 : 1);
  const std::int64_t blocks = divided_up(rows, height);
  share(threads, d.volumes * blocks * d.positions, [&](std::int64_t task, int) {
    const std::int64_t position = task % d.positions, block = task / d.positions % blocks;
    const std::int64_t volume = task / d.positions / blocks;
    const Deep::Met met = d.met(position);
    const Planes of{prepared + met.first, met.end - met.first, slice};
    const Number* image = t.x + (volume * d.slices + met.slice + met.first) * slice;
    const std::int64_t first = block * height, end = least(rows, first + height);
    some_rows(p, t, of, image, volume * d.positions + position, first, end);
  });
}

constexpr DeepOf<Number> deep{refuses_deep, cost_deep, workspace_deep, run_deep};

}  // namespace

extern const Algorithm depthwise;
const Algorithm depthwise{"depthwise", refuses, cost, prepared, workspace, prepare, run, &deep};

}  // namespace striate::STRIATE_ISA
