// Vectors of floats as wide as the instruction set's, and the tile of sums that its registers hold.
#pragma once

#include <cstddef>
#include <cstdint>
#if defined(__AVX__)
#include <immintrin.h>  // the compiler's own, all of it inlined always: nothing for the linker to share
#endif

namespace striate::STRIATE_ISA {

// A tile is `tile_rows` outputs times a panel of `panel_vectors` vectors of channels. Of the registers, most hold sums,
// a row of the panel takes the next ones, and one is for the number that multiplies it. On AVX2, 6 x 16 asks the second
// cache for the fewest bytes a cycle of all that fit (as BLIS and MLAS found); with 32 registers twice as many rows do.
#if defined(__AVX512F__)
constexpr int vector_bytes = 64, tile_rows = 12, panel_vectors = 2;
#elif defined(__AVX__)
constexpr int vector_bytes = 32, tile_rows = 6, panel_vectors = 2;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16, tile_rows = 6, panel_vectors = 4;
#else
constexpr int vector_bytes = 16, tile_rows = 6, panel_vectors = 2;
#endif
constexpr int lanes = vector_bytes / int(sizeof(float));

// The places of a vector, for what a shuffle says of each.
template <int... lane>
struct Lanes {};
#if defined(__AVX512F__)
using Every = Lanes<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
#elif defined(__AVX__)
using Every = Lanes<0, 1, 2, 3, 4, 5, 6, 7>;
#else
using Every = Lanes<0, 1, 2, 3>;
#endif
constexpr int panel = panel_vectors * lanes;

typedef float Vector __attribute__((vector_size(vector_bytes)));
// The same in an array of floats, which may begin anywhere.
typedef Vector LooseVector __attribute__((aligned(alignof(float)), may_alias));

// Half as many doubles, for what is computed once and rounded at the end.
constexpr int double_lanes = lanes / 2;
typedef double DoubleVector __attribute__((vector_size(vector_bytes)));
typedef float HalfVector __attribute__((vector_size(vector_bytes / 2), aligned(alignof(float)), may_alias));

// The same number in every lane. Less zero, not plus zero: that would turn -0 into 0, so the compiler would have to
// add.
inline Vector spread(float value) { return value - Vector{}; }

inline Vector load(const float* from) { return *reinterpret_cast<const LooseVector*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<LooseVector*>(to) = value; }

// The first `count` lanes, of those that there are; the others are 0, and left alone in memory. Element by element this
// would take as long as the whole tile that is stored, so the instruction sets that can mask do.
#if defined(__AVX512F__)
inline __mmask16 first_lanes(std::int64_t count) { return __mmask16((1u << (count < 0 ? 0 : count)) - 1); }
inline Vector load_first(const float* from, std::int64_t count) {
  return count >= lanes ? load(from) : Vector(_mm512_maskz_loadu_ps(first_lanes(count), from));
}
inline void store_first(float* to, Vector value, std::int64_t count) {
  count >= lanes ? store(to, value) : _mm512_mask_storeu_ps(to, first_lanes(count), __m512(value));
}
#elif defined(__AVX__)
inline __m256i first_lanes(std::int64_t count) {
  typedef int Integers __attribute__((vector_size(vector_bytes)));
  return __m256i(Integers{0, 1, 2, 3, 4, 5, 6, 7} < int(count));
}
inline Vector load_first(const float* from, std::int64_t count) {
  return count >= lanes ? load(from) : Vector(_mm256_maskload_ps(from, first_lanes(count)));
}
inline void store_first(float* to, Vector value, std::int64_t count) {
  count >= lanes ? store(to, value) : _mm256_maskstore_ps(to, first_lanes(count), __m256(value));
}
#else
inline Vector load_first(const float* from, std::int64_t count) {
  if (count >= lanes) return load(from);
  Vector value = {};
  for (int i = 0; i < lanes; ++i) value[i] = i < count ? from[i] : 0.0f;
  return value;
}
inline void store_first(float* to, Vector value, std::int64_t count) {
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
