// Buffers of numbers that the core's tests draw, watch and compare.
#pragma once

#include "check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

using Random = std::mt19937;
using Floats = std::vector<float>;

inline std::size_t index(std::int64_t at) { return static_cast<std::size_t>(at); }

inline std::int64_t drawn(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

inline Floats normal(Random& random, std::int64_t count) {
  std::normal_distribution<float> draw;
  Floats values(index(count));
  for (float& value : values) value = draw(random);
  return values;
}

// Numbers around a buffer, which nobody may write; within it NaN, which everybody must overwrite.
inline constexpr std::size_t guard = 32;

template <class Number, class Work>
std::vector<Number> written(std::int64_t count, Number before, const Work& work) {
  constexpr Number untouched = 12345;
  std::vector<Number> to(index(count) + 2 * guard, untouched);
  for (std::size_t i = guard; i < to.size() - guard; ++i) to[i] = before;
  work(to.data() + guard);
  for (std::size_t i = 0; i < guard; ++i) CHECK(to[i] == untouched && to[to.size() - 1 - i] == untouched);
  return {to.begin() + guard, to.end() - guard};
}

template <class Work>
Floats floats(std::int64_t count, const Work& work) {
  return written(count, std::nanf(""), work);
}

template <class Number>
bool same(const std::vector<Number>& a, const std::vector<Number>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Number)) == 0);
}

// Close, to a part of the largest of all.
inline void close(const Floats& got, const std::vector<double>& want, double part) {
  double most = 1e-30;
  for (double value : want) most = std::max(most, std::abs(value));
  CHECK(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(std::abs(double(got[i]) - want[i]) <= part * most);
}
