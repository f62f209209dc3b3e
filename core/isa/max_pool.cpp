// Max pooling, a row of positions at a time: first the greatest of every column of the rows under the windows, of all
// slices of a volume, by vectors along the row; then, of these, the greatest under each window.
//
// Comparisons by vectors pass over NaN. So each row is also asked whether it holds any, and such rows, which are rare,
// go by plain loops.
#include "windows.h"

namespace striate::STRIATE_ISA {
namespace {

using STRIATE_ISA::even, STRIATE_ISA::every, STRIATE_ISA::load, STRIATE_ISA::spread, STRIATE_ISA::store,
    STRIATE_ISA::store_first;  // of floats

typedef std::int32_t Places __attribute__((vector_size(vector_bytes)));
typedef Places LoosePlaces __attribute__((aligned(alignof(std::int32_t)), may_alias));

constexpr std::int32_t nowhere = 1 << 30;  // the place of what is not in the image: after all that is

inline Places load(const std::int32_t* from) { return *reinterpret_cast<const LoosePlaces*>(from); }
inline void store(std::int32_t* to, Places places) { *reinterpret_cast<LoosePlaces*>(to) = places; }
inline Places spread(std::int32_t value) { return value - Places{}; }

// The greater one; of equals `b`.
inline Vector greater(Vector a, Vector b) {
#if defined(__AVX512F__)
  return Vector(_mm512_maskz_max_ps(0xffff, __m512(a), __m512(b)));  // unmasked, it warns of what is uninitialised
#elif defined(__AVX__)
  return Vector(_mm256_max_ps(__m256(a), __m256(b)));
#else
  return a > b ? a : b;
#endif
}

template <int... lane>
Places even(Places a, Places b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, (2 * lane)...);
}

template <int step>
Places every(const std::int32_t* from) {
  if constexpr (step == 1) {
    return load(from);
  } else {
    return even(load(from), load(from + lanes), Every{});
  }
}

template <int... lane>
Places counted(std::int32_t step, Lanes<lane...>) {
  return Places{lane...} * step;
}

inline void store_first(std::int64_t* to, Places places, std::int64_t count) {
#if defined(__AVX512F__)
  typedef long long Wide __attribute__((vector_size(vector_bytes)));
  const auto low = __builtin_convertvector(__builtin_shufflevector(places, places, 0, 1, 2, 3, 4, 5, 6, 7), Wide);
  const auto high =
      __builtin_convertvector(__builtin_shufflevector(places, places, 8, 9, 10, 11, 12, 13, 14, 15), Wide);
  const unsigned mask = first_lanes(least(count, lanes));
  _mm512_mask_storeu_epi64(to, __mmask8(mask), __m512i(low));
  _mm512_mask_storeu_epi64(to + 8, __mmask8(mask >> 8), __m512i(high));
#else
  if (count >= lanes) {
    for (int i = 0; i < lanes; ++i) to[i] = places[i];
  } else {
    for (int i = 0; i < count; ++i) to[i] = places[i];
  }
#endif
}

// The scratch: the greatest of each column of a band, and the place where its row begins, with what is beyond the
// image on both sides, and two vectors more.
struct Columns {
  float* greatest;
  std::int32_t* place;
};

// What is wanted of a vector of columns: numbers to read, and where to keep what is found.
struct Reading {
  const float* top;
  std::int64_t slices, slice_step, rows, step;
  std::int32_t first, deep, down;  // the place of the first row, and what the next slice's and row's are further on
  float* greatest;
  std::int32_t* place;
};

// `rows` is their number where the compiler is to know it, else 0. What is added to `strange` is not 0 where NaN is
// met, or infinity. `deep` says whether there are more slices than one.
template <bool with_places, int rows, bool deep, class Number>
Vector find_column(const Reading& from, std::int64_t i, const Number& number, Vector& strange, Places& at) {
  const float* slice = from.top + i;
  Vector best = number(slice), sum = best;
  Places first = spread(from.first);
  at = first;
  const std::int64_t end = rows ? rows : from.rows;
  for (std::int64_t met = 1;; ++met) {
    const float* sample = slice;
    Places other = first;
#pragma GCC unroll 4
    for (std::int64_t r = 1; r < end; ++r) {
      const Vector value = number(sample += from.step);
      sum += value;
      if constexpr (with_places) {
        other += spread(from.down);
        at = value > best ? other : at;
      }
      best = greater(value, best);
    }
    if (!deep || met >= from.slices) break;
    const Vector value = number(slice += from.slice_step);
    sum += value;
    if constexpr (with_places) {
      first += spread(from.deep);
      at = value > best ? first : at;
    }
    best = greater(value, best);
  }
  strange += sum * spread(0.0f);
  return best;
}

template <bool with_places, int rows, bool deep>
Vector find_columns(const Reading& from, std::int64_t count) {
  Vector strange[2] = {};
  std::int64_t i = 0;
  const auto whole = [&](std::int64_t column, Vector& odd) {
    Places at;
    const auto number = [](const float* sample) { return load(sample); };
    // The next windows' rows: short pieces of long rows, which the processor does not foresee (a quarter less time).
    __builtin_prefetch(from.top + column + from.rows * from.step);
    __builtin_prefetch(from.top + column + (from.rows + 1) * from.step);
    store(from.greatest + column, find_column<with_places, rows, deep>(from, column, number, odd, at));
    if constexpr (with_places) store(from.place + column, at);
  };
  for (; i + 2 * lanes <= count; i += 2 * lanes) whole(i, strange[0]), whole(i + lanes, strange[1]);
  if (count >= lanes) {
    // The last vectors overlap: to find a maximum twice does no harm.
    if (i + lanes < count) whole(i, strange[0]);
    if (i < count) whole(count - lanes, strange[1]);
  } else {
    Places at;
    const auto number = [count](const float* sample) { return load_first(sample, count); };
    store_first(from.greatest, find_column<with_places, rows, deep>(from, 0, number, strange[0], at), count);
    if constexpr (with_places) {
      for (int lane = 0; lane < count; ++lane) from.place[lane] = at[lane];
    }
  }
  return strange[0] + strange[1];
}

template <bool with_places>
Vector find_columns(const Pool& p, const Met& slices, const Band& b, const Columns& to) {
  const std::int64_t row = p.w * p.pixel(), before = most(0, p.left) * p.pixel();
  const std::int64_t first = slices.first * p.h + b.first;
  const Reading from{b.plane + first * row + b.left * p.pixel(),
                     slices.count,
                     p.dilation_d * p.h * row,
                     b.rows,
                     p.dilation_h * row,
                     std::int32_t(first * p.w),
                     std::int32_t(p.dilation_d * p.h * p.w),
                     std::int32_t(p.dilation_h * p.w),
                     to.greatest + before,
                     to.place + before};
  const std::int64_t count = b.columns * p.pixel();
  if (slices.count > 1) return find_columns<with_places, 0, true>(from, count);
  if (b.rows == 2) return find_columns<with_places, 2, false>(from, count);
  if (b.rows == 3) return find_columns<with_places, 3, false>(from, count);
  return find_columns<with_places, 0, false>(from, count);
}

// The greatest of taps `step` numbers apart, of `read(from)`; `taps` is their number where the compiler is to know it.
template <int taps, class Read>
Vector greatest(const Pool& p, const float* from, std::int64_t step, const Read& read) {
  Vector best = read(from);
  const std::int64_t end = taps ? taps : p.s;
#pragma GCC unroll 4
  for (std::int64_t s = 1; s < end; ++s) best = greater(read(from += step), best);
  return best;
}

// And where: `column` is that of the first tap in each lane.
template <class Read>
Vector greatest(const Pool& p, const float* from, const std::int32_t* place, std::int64_t step, Places column,
                const Read& read, Places& at) {
  Vector best = read(from);
  at = read(place) + column;
  for (std::int64_t s = 1; s < p.s; ++s) {
    column += spread(std::int32_t(p.dilation_w));
    const Vector sample = read(from += step);
    const Places other = read(place += step) + column;
    const Places wins = (sample > best) | ((sample == best) & (other < at));
    best = wins ? sample : best;
    at = wins ? other : at;
  }
  return best;
}

// Positions side by side in a vector.
template <int step, int taps>
void across_columns(const Pool& p, const Columns& from, float* y, std::int64_t* switches) {
  const auto read = [](const auto* numbers) { return every<step>(numbers); };
  for (std::int64_t q = 0; q < p.q; q += lanes) {
    const float* first = from.greatest + q * step;
    if (switches) {
      Places at;
      const Places column = counted(step, Every{}) + spread(std::int32_t(q * step - p.left));
      store_first(y + q, greatest(p, first, from.place + q * step, p.dilation_w, column, read, at), p.q - q);
      store_first(switches + q, at, p.q - q);
    } else {
      store_first(y + q, greatest<taps>(p, first, p.dilation_w, read), p.q - q);
    }
  }
}

// One position after the other, whatever the step.
void across_columns_by_any(const Pool& p, const Columns& from, float* y, std::int64_t* switches) {
  for (std::int64_t q = 0; q < p.q; ++q) {
    std::int64_t column = q * p.stride_w;
    float best = from.greatest[column];
    std::int64_t at = from.place[column] + column - p.left;
    for (std::int64_t s = 1; s < p.s; ++s) {
      column += p.dilation_w;
      const float sample = from.greatest[column];
      const std::int64_t other = from.place[column] + column - p.left;
      const bool wins = sample > best || (sample == best && other < at);
      best = wins ? sample : best;
      at = wins ? other : at;
    }
    y[q] = best;
    if (switches) switches[q] = at;
  }
}

// Channels side by side in a vector.
template <int taps>
void across_channels(const Pool& p, const Columns& from, float* y, std::int64_t* switches) {
  const auto read = [](const auto* numbers) { return load(numbers); };
  const std::int64_t step = p.dilation_w * p.c;
  for (std::int64_t q = 0; q < p.q; ++q, y += p.c) {
    const float* first = from.greatest + q * p.stride_w * p.c;
    std::int64_t c = 0;
    if (switches) {
      const std::int32_t* place = from.place + q * p.stride_w * p.c;
      const Places column = spread(std::int32_t(q * p.stride_w - p.left));
      for (; c < p.c; c += lanes) {
        Places at;
        store_first(y + c, greatest(p, first + c, place + c, step, column, read, at), p.c - c);
        store_first(switches + q * p.c + c, at, p.c - c);
      }
    }
    for (; c + lanes <= p.c; c += lanes) store(y + c, greatest<taps>(p, first + c, step, read));
    if (c < p.c) store_first(y + c, greatest<taps>(p, first + c, step, read), p.c - c);
  }
}

// The definition, as PyTorch has it: NaN takes the place even of NaN.
void by_loops(const Pool& p, const Met& slices, const Band& b, float* y, std::int64_t* switches) {
  for (std::int64_t q = 0; q < p.q; ++q) {
    const std::int64_t left = q * p.stride_w - p.left;
    const std::int64_t first = most(0, divided_up(-left, p.dilation_w));
    const std::int64_t end = least(p.s, divided_up(p.w - left, p.dilation_w));
    for (std::int64_t c = 0; c < p.pixel(); ++c) {
      float best = -__builtin_inff();
      const std::int64_t top = slices.first * p.h + b.first;
      std::int64_t at = top * p.w + left + first * p.dilation_w;
      for (std::int64_t r = 0; r < slices.count * b.rows; ++r) {
        const std::int64_t row = top + r / b.rows * p.dilation_d * p.h + r % b.rows * p.dilation_h;
        for (std::int64_t s = first; s < end; ++s) {
          const std::int64_t place = row * p.w + left + s * p.dilation_w;
          const float sample = b.plane[place * p.pixel() + c];
          if (sample > best || sample != sample) best = sample, at = place;
        }
      }
      y[q * p.pixel() + c] = best;
      if (switches) switches[q * p.pixel() + c] = at;
    }
  }
}

bool is_strange(Vector numbers) {
  float sum = 0;
  for (int i = 0; i < lanes; ++i) sum += numbers[i];
  return !(sum == 0);
}

using Across = void(const Pool&, const Columns&, float* y, std::int64_t* switches);

Across* by_channels(const Pool& p) {
  return p.s == 2 ? across_channels<2> : p.s == 3 ? across_channels<3> : across_channels<0>;
}

Across* by_columns(const Pool& p) {
  if (p.stride_w > 2) return across_columns_by_any;
  constexpr Across* known[2][3] = {{across_columns<1, 2>, across_columns<1, 3>, across_columns<1, 0>},
                                   {across_columns<2, 2>, across_columns<2, 3>, across_columns<2, 0>}};
  return known[p.stride_w - 1][p.s == 2 || p.s == 3 ? p.s - 2 : 2];
}

}  // namespace

std::int64_t max_pool_scratch(const Pool& p) { return 2 * column_floats(strip(p, 0)); }

void max_pool(const Pool& p, const float* x, float* y, std::int64_t* switches, const Rows& rows, float* scratch) {
  const std::int64_t floats = column_floats(strip(p, 0)), in = p.d * p.h * p.w * p.pixel();
  const Columns columns{scratch, reinterpret_cast<std::int32_t*>(scratch + floats)};
  const auto across = p.pixel() > 1 ? by_channels(p) : by_columns(p);
  for (std::int64_t q = 0; q < p.q; q += strip(p, 0).q) {
    const Pool part = strip(p, q);
    for (std::int64_t i = 0; i < floats; ++i) columns.greatest[i] = -__builtin_inff();
    for (std::int64_t i = 0; i < floats; ++i) columns.place[i] = nowhere;
    std::int64_t row = rows.first % p.p, deep = rows.first / p.p % p.o, at = (rows.first * p.q + q) * p.pixel();
    const float* plane = x + rows.first / p.p / p.o * in;
    for (std::int64_t i = rows.first; i < rows.end; ++i, ++row, at += p.q * p.pixel()) {
      if (row == p.p) row = 0, ++deep;
      if (deep == p.o) deep = 0, plane += in;
      const Met slices = met(deep * p.stride_d - p.front, p.t, p.dilation_d, p.d);
      const Band under = band(part, plane, row);
      std::int64_t* const places = switches ? switches + at : nullptr;
      const auto find = switches ? find_columns<true> : find_columns<false>;
      const bool plain = slices.count > 0 && under.rows > 0 && !is_strange(find(part, slices, under, columns));
      plain ? across(part, columns, y + at, places) : by_loops(part, slices, under, y + at, places);
    }
  }
}

}  // namespace striate::STRIATE_ISA
