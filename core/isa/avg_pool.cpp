// Average pooling and its gradient, a row at a time: first the sums down the columns under the windows, by vectors
// along the row; then, of these, the sums across each window, divided by how many samples it has.
#include "windows.h"

namespace striate::STRIATE_ISA {
namespace {

// How many samples of a window count, along one axis.
std::int64_t count(std::int64_t first, std::int64_t taps, std::int64_t size, std::int64_t after, bool padding) {
  return padding ? least(first + taps, size + after) - first : least(first + taps, size) - most(first, 0);
}

// Of a row of positions; with a divisor of its own it is 1 down and the divisor across.
float count_down(const Pool& p, const Mean& m, std::int64_t row) {
  return m.divisor ? 1 : float(count(row * p.stride_h - p.top, p.r, p.h, m.bottom, m.padding));
}
void count_across(const Pool& p, const Mean& m, float* to) {
  for (std::int64_t q = 0; q < p.q; ++q) {
    to[q] = float(m.divisor ? m.divisor : count(q * p.stride_w - p.left, p.s, p.w, m.right, m.padding));
  }
}

// The scratch: columns, counts, and for the gradient of rows a row with a step between its numbers.
struct Scratch {
  std::int64_t columns, counts, spaced;
};
Scratch floats(const Pool& p) {
  return {rounded_up(most(column_floats(strip(p, 0)), p.q * p.pixel()), lanes), rounded_up(p.q, lanes),
          rounded_up(most(p.reach(), p.left + p.w + p.s) + 2 * lanes, lanes)};
}

void clear(float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += lanes) store_first(to + i, Vector{}, count - i);
}

// Sums of `count` numbers and those `step` further on, `rows` times.
template <int known>
void sum_rows(const float* from, std::int64_t rows, std::int64_t step, std::int64_t count, float* to) {
  const auto sum = [=](std::int64_t i, const auto& read) {
    Vector total = read(from + i);
    const std::int64_t end = known ? known : rows;
#pragma GCC unroll 4
    for (std::int64_t r = 1; r < end; ++r) total += read(from + r * step + i);
    return total;
  };
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    store(to + i, sum(i, [](const float* at) { return load(at); }));
  }
  const std::int64_t rest = count - i;
  if (rest > 0) store_first(to + i, sum(i, [rest](const float* at) { return load_first(at, rest); }), rest);
}

void find_columns(const Pool& p, const Band& b, float* to) {
  const std::int64_t row = p.w * p.pixel(), count = b.columns * p.pixel();
  const float* from = b.plane + b.first * row + b.left * p.pixel();
  to += most(0, p.left) * p.pixel();
  if (b.rows < 1) return clear(to, count);
  (b.rows == 2 ? sum_rows<2> : b.rows == 3 ? sum_rows<3> : sum_rows<0>)(from, b.rows, row, count, to);
}

template <int taps, class Read>
Vector sum_taps(const float* from, std::int64_t count, std::int64_t step, const Read& read) {
  Vector total = read(from);
  const std::int64_t end = taps ? taps : count;
#pragma GCC unroll 4
  for (std::int64_t s = 1; s < end; ++s) total += read(from += step);
  return total;
}

// Positions side by side in a vector.
template <int step, int taps>
void across_columns(const Pool& p, const float* columns, float down, const float* across, float* y) {
  const auto read = [](const float* numbers) { return every<step>(numbers); };
  for (std::int64_t q = 0; q < p.q; q += lanes) {
    const Vector total = sum_taps<taps>(columns + q * step, p.s, 1, read);
    store_first(y + q, total * (1.0f / (spread(down) * load_first(across + q, p.q - q))), p.q - q);
  }
}

// One position after the other, whatever the step.
void across_columns_by_any(const Pool& p, const float* columns, float down, const float* across, float* y) {
  for (std::int64_t q = 0; q < p.q; ++q) {
    float total = 0;
    for (std::int64_t s = 0; s < p.s; ++s) total += columns[q * p.stride_w + s];
    y[q] = total * (1 / (down * across[q]));
  }
}

// Channels side by side in a vector.
template <int taps>
void across_channels(const Pool& p, const float* columns, float down, const float* across, float* y) {
  const auto read = [](const float* numbers) { return load(numbers); };
  for (std::int64_t q = 0; q < p.q; ++q, y += p.c) {
    const float* from = columns + q * p.stride_w * p.c;
    const Vector factor = spread(1 / (down * across[q]));  // a division would take longer than the sum
    for (std::int64_t c = 0; c < p.c; c += lanes) {
      store_first(y + c, sum_taps<taps>(from + c, p.s, p.c, read) * factor, p.c - c);
    }
  }
}

using Across = void(const Pool&, const float* columns, float down, const float* across, float* y);

Across* best(const Pool& p) {
  const int known = p.s == 2 || p.s == 3 ? int(p.s) - 1 : 0;
  constexpr Across* by_channels[] = {across_channels<0>, across_channels<2>, across_channels<3>};
  constexpr Across* by_columns[][3] = {{across_columns<1, 0>, across_columns<1, 2>, across_columns<1, 3>},
                                       {across_columns<2, 0>, across_columns<2, 2>, across_columns<2, 3>}};
  if (p.pixel() > 1) return by_channels[known];
  return p.stride_w > 2 ? across_columns_by_any : by_columns[p.stride_w - 1][known];
}

// What arrives at a row of the image, down the columns: of each position that has it, its share.
void arriving(const Pool& p, const Mean& m, const float* plane, std::int64_t row, const float* across, float* to) {
  const std::int64_t count = p.q * p.pixel(), at = row + p.top;
  const std::int64_t first = at < p.r ? 0 : (at - p.r) / p.stride_h + 1, end = least(p.p, at / p.stride_h + 1);
  clear(to, count);
  for (std::int64_t above = first; above < end; ++above) {
    const Vector share = spread(1 / count_down(p, m, above));
    const float* from = plane + above * count;
    for (std::int64_t i = 0; i < count; i += lanes) {
      store_first(to + i, load_first(to + i, count - i) + load_first(from + i, count - i) * share, count - i);
    }
  }
  for (std::int64_t q = 0; q < p.q; ++q, to += p.pixel()) {
    const float share = 1 / across[q];
    for (std::int64_t c = 0; c < p.pixel(); ++c) to[c] *= share;
  }
}

// From positions to a row of columns. `spaced` holds zeros but where the positions are, so that each column has as many
// terms, side by side.
void spread_columns(const Pool& p, const float* arrived, float* spaced, float* x) {
  for (std::int64_t q = 0; q < p.q; ++q) spaced[q * p.stride_w + p.s - 1] = arrived[q];
  const auto read = [](const float* numbers) { return load(numbers); };
  for (std::int64_t w = 0; w < p.w; w += lanes) {
    store_first(x + w, sum_taps<0>(spaced + w + p.left, p.s, 1, read), p.w - w);
  }
}

void spread_channels(const Pool& p, const float* arrived, float* x) {
  std::int64_t first = 0, end = 0;
  for (std::int64_t w = 0; w < p.w; ++w, x += p.c) {
    while (end < p.q && end * p.stride_w <= w + p.left) ++end;
    while (first < end && first * p.stride_w + p.s <= w + p.left) ++first;
    for (std::int64_t c = 0; c < p.c; c += lanes) {
      Vector total = {};
      for (std::int64_t q = first; q < end; ++q) total += load_first(arrived + q * p.c + c, p.c - c);
      store_first(x + c, total, p.c - c);
    }
  }
}

}  // namespace

std::int64_t avg_pool_scratch(const Pool& p) {
  const Scratch all = floats(p);
  return all.columns + all.counts + all.spaced;
}

void avg_pool(const Pool& p, const Mean& m, const float* x, float* y, const Rows& rows, float* scratch) {
  const std::int64_t in = p.h * p.w * p.pixel(), wide = floats(p).columns;
  float* const counts = scratch + wide;
  count_across(p, m, counts);
  Across* const across = best(p);
  for (std::int64_t q = 0; q < p.q; q += strip(p, 0).q) {
    const Pool part = strip(p, q);
    clear(scratch, wide);
    std::int64_t row = rows.first % p.p, at = (rows.first * p.q + q) * p.pixel();
    const float* plane = x + rows.first / p.p * in;
    for (std::int64_t i = rows.first; i < rows.end; ++i, ++row, at += p.q * p.pixel()) {
      if (row == p.p) row = 0, plane += in;
      find_columns(part, band(part, plane, row), scratch);
      across(part, scratch, count_down(p, m, row), counts + q, y + at);
    }
  }
}

void avg_pool_gradient(const Pool& p, const Mean& m, const float* y, float* x, const Rows& rows, float* scratch) {
  const Scratch all = floats(p);
  float* const counts = scratch + all.columns;
  float* const spaced = counts + all.counts;
  count_across(p, m, counts);
  clear(spaced, all.spaced);
  for (std::int64_t i = rows.first; i < rows.end; ++i) {
    const float* plane = y + i / p.h * p.p * p.q * p.pixel();
    float* const to = x + i * p.w * p.pixel();
    arriving(p, m, plane, i % p.h, counts, scratch);
    p.pixel() > 1 ? spread_channels(p, scratch, to) : spread_columns(p, scratch, spaced, to);
  }
}

}  // namespace striate::STRIATE_ISA
