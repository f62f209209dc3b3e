// Vectors of numbers as wide as the instruction set's, and the tile of sums that its registers hold.
//
// A number is a float. What convolves is compiled a second time, for doubles, in a namespace within the instruction
// set's.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__AVX__)
#include <immintrin.h>  // the compiler's own, all of it inlined always: nothing for the linker to share
#endif

namespace striate::STRIATE_ISA {

#if defined(STRIATE_DOUBLES)
using Number = double;
#else
using Number = float;
#endif

// A tile is `tile_rows` outputs times a panel of `panel_vectors` vectors of channels. Of the registers, most hold sums,
// a row of the panel takes the next ones, and one is for the number that multiplies it. On AVX2, 6 x 16 asks the second
// cache for the fewest bytes a cycle of all that fit (as BLIS and MLAS found). With 32 registers a panel is twice as
// wide: each number that is read multiplies four vectors, and the units wait for the nearest cache no more. On a server
// of Ice Lake, tiles of 12 x 32 reached 86 % of the peak, these reach 97 %.
#if defined(__AVX512F__)
constexpr int vector_bytes = 64, tile_rows = 6, panel_vectors = 4;
#elif defined(__AVX__)
constexpr int vector_bytes = 32, tile_rows = 6, panel_vectors = 2;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16, tile_rows = 6, panel_vectors = 4;
#else
constexpr int vector_bytes = 16, tile_rows = 6, panel_vectors = 2;
#endif
constexpr bool is_widest = vector_bytes == 64;
constexpr int lanes = vector_bytes / int(sizeof(Number));
constexpr int cache_line = 64 / int(sizeof(Number));

// The places of a vector, for what a shuffle says of each.
template <int... lane>
struct Lanes {};
template <int count, int... lane>
struct Counted : Counted<count - 1, count - 1, lane...> {};
template <int... lane>
struct Counted<0, lane...> {
  using Places = Lanes<lane...>;
};
using Every = Counted<lanes>::Places;
constexpr int panel = panel_vectors * lanes;

typedef Number Vector __attribute__((vector_size(vector_bytes)));
// The same in an array of numbers, which may begin anywhere.
typedef Vector LooseVector __attribute__((aligned(alignof(Number)), may_alias));

// A vector of doubles, for what is computed once and rounded at the end; and as many numbers.
constexpr int double_lanes = vector_bytes / int(sizeof(double));
typedef double DoubleVector __attribute__((vector_size(vector_bytes)));
typedef Number NarrowVector
    __attribute__((vector_size(double_lanes * sizeof(Number)), aligned(alignof(Number)), may_alias));

// The same number in every lane. Less zero, not plus zero: that would turn -0 into 0, so the compiler would have to
// add.
inline Vector spread(Number value) { return value - Vector{}; }

inline Vector load(const Number* from) { return *reinterpret_cast<const LooseVector*>(from); }
inline void store(Number* to, Vector value) { *reinterpret_cast<LooseVector*>(to) = value; }

// The first `count` lanes, of those that there are; the others are 0, and left alone in memory. Element by element this
// would take as long as the whole tile that is stored, so the instruction sets that can mask do.
#if defined(__AVX512F__)
inline unsigned first_lanes(std::int64_t count) { return (1u << (count < 0 ? 0 : count)) - 1; }
inline Vector masked_load(const float* from, unsigned lanes) {
  return Vector(_mm512_maskz_loadu_ps(__mmask16(lanes), from));
}
inline Vector masked_load(const double* from, unsigned lanes) {
  return Vector(_mm512_maskz_loadu_pd(__mmask8(lanes), from));
}
inline void masked_store(float* to, Vector value, unsigned lanes) {
  _mm512_mask_storeu_ps(to, __mmask16(lanes), __m512(value));
}
inline void masked_store(double* to, Vector value, unsigned lanes) {
  _mm512_mask_storeu_pd(to, __mmask8(lanes), __m512d(value));
}
#elif defined(__AVX__)
inline __m256i first_lanes(std::int64_t count) {
  if constexpr (lanes == 8) {
    typedef int Integers __attribute__((vector_size(vector_bytes)));
    return __m256i(Integers{0, 1, 2, 3, 4, 5, 6, 7} < int(count));
  } else {
    typedef long long Integers __attribute__((vector_size(vector_bytes)));
    return __m256i(Integers{0, 1, 2, 3} < (long long)count);
  }
}
inline Vector masked_load(const float* from, __m256i lanes) { return Vector(_mm256_maskload_ps(from, lanes)); }
inline Vector masked_load(const double* from, __m256i lanes) { return Vector(_mm256_maskload_pd(from, lanes)); }
inline void masked_store(float* to, Vector value, __m256i lanes) { _mm256_maskstore_ps(to, lanes, __m256(value)); }
inline void masked_store(double* to, Vector value, __m256i lanes) { _mm256_maskstore_pd(to, lanes, __m256d(value)); }
#endif
#if defined(__AVX__)
inline Vector load_first(const Number* from, std::int64_t count) {
  return count >= lanes ? load(from) : masked_load(from, first_lanes(count));
}
inline void store_first(Number* to, Vector value, std::int64_t count) {
  count >= lanes ? store(to, value) : masked_store(to, value, first_lanes(count));
}
#else
inline Vector load_first(const Number* from, std::int64_t count) {
  if (count >= lanes) return load(from);
  Vector value = {};
  for (int i = 0; i < lanes; ++i) value[i] = i < count ? from[i] : 0;
  return value;
}
inline void store_first(Number* to, Vector value, std::int64_t count) {
  if (count >= lanes) return store(to, value);
  for (int i = 0; i < count; ++i) to[i] = value[i];
}
#endif

// What is undefined stays so.
inline Vector rectified(Vector value) { return value < 0 ? Vector{} : value; }

inline std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
inline std::int64_t most(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
inline std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline std::int64_t rounded_up(std::int64_t a, std::int64_t b) { return divided_up(a, b) * b; }

}  // namespace striate::STRIATE_ISA
