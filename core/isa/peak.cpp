// The two kernels that find the peaks: multiply-adds in registers, and floats read from memory.
#include "kernels.h"

#define STRIATE_TEXT(name) #name
#define STRIATE_NAME(name) STRIATE_TEXT(name)

namespace striate::STRIATE_ISA {
namespace {

// Two multiply-add units with a latency of four cycles need eight sums in flight, but Zen 3 loses 14 % with eight and
// nothing with twelve. Twelve and two operands fit in 16 registers; where there are 32, more sums do no harm.
#if defined(__AVX512F__)
constexpr int vector_bytes = 64, sums = 24;
#elif defined(__AVX__)
constexpr int vector_bytes = 32, sums = 12;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16, sums = 24;
#else
constexpr int vector_bytes = 16, sums = 12;
#endif
constexpr int lanes = vector_bytes / int(sizeof(float));

// may_alias: it reads arrays of float.
typedef float Vector __attribute__((vector_size(vector_bytes), aligned(alignof(float)), may_alias));

double multiply_add(std::int64_t rounds, float one) {
  Vector sum[sums];
  // Each starts elsewhere: equal sums would be one sum to the compiler.
  for (int i = 0; i < sums; ++i) sum[i] = Vector{} + float(i);
  const Vector factor = Vector{} + one, term = Vector{} + one;
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 32
    for (int i = 0; i < sums; ++i) sum[i] = sum[i] * factor + term;
  }
  double total = 0;
  for (int i = 0; i < sums; ++i) {
    for (int lane = 0; lane < lanes; ++lane) total += double(sum[i][lane]) - i;
  }
  return total;
}

double sum(const float* values, std::size_t count) {
  constexpr int streams = 8;  // an addition takes about four cycles, and memory never brings two vectors a cycle
  constexpr std::size_t step = std::size_t(streams) * lanes;
  Vector part[streams] = {};
  std::size_t at = 0;
  for (; at + step <= count; at += step) {
#pragma GCC unroll 8
    for (int i = 0; i < streams; ++i) part[i] += *reinterpret_cast<const Vector*>(values + at + i * lanes);
  }
  double total = 0;
  for (; at < count; ++at) total += double(values[at]);
  for (int i = 0; i < streams; ++i) {
    for (int lane = 0; lane < lanes; ++lane) total += double(part[i][lane]);
  }
  return total;
}

}  // namespace

void product(const Product& problem);  // product.cpp

extern const Kernels kernels;
const Kernels kernels{STRIATE_NAME(STRIATE_ISA), lanes, multiply_add, std::int64_t(sums) * lanes, sum, product};

}  // namespace striate::STRIATE_ISA
