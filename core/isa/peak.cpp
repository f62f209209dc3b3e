// The two kernels that find the peaks: multiply-adds in registers, and floats read from memory.
#include "kernels.h"
#include "vector.h"

#define STRIATE_TEXT(name) #name
#define STRIATE_NAME(name) STRIATE_TEXT(name)

namespace striate::STRIATE_ISA {
namespace {

// How many sums are in flight. Two multiply-add units with a latency of four cycles need eight sums in flight, but Zen
// 3 loses 14 % with eight and nothing with twelve. Twelve and two operands fit in 16 registers; where there are 32,
// more sums do no harm.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int sums = 24;
#else
constexpr int sums = 12;
#endif

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
    for (int i = 0; i < streams; ++i) part[i] += load(values + at + i * lanes);
  }
  double total = 0;
  for (; at < count; ++at) total += double(values[at]);
  for (int i = 0; i < streams; ++i) {
    for (int lane = 0; lane < lanes; ++lane) total += double(part[i][lane]);
  }
  return total;
}

}  // namespace

// algorithms.cpp
extern const AlgorithmOf<float>* const algorithms[];
extern const WeightGradientOf<float>* const weight_gradients[];
namespace doubles {
extern const AlgorithmOf<double>* const algorithms[];
extern const WeightGradientOf<double>* const weight_gradients[];
}  // namespace doubles

// spectra.cpp
void spectral_product(const SpectralProduct&, std::byte* scratch, int threads);
std::int64_t spectral_workspace(const SpectralProduct&);
void pack_spectra(const SpectralRight&, float* to, int threads);
std::int64_t spectral_right(std::int64_t groups, std::int64_t columns, std::int64_t depth, std::int64_t frequencies);

// max_pool.cpp
std::int64_t max_pool_scratch(const Pool&);
void max_pool(const Pool&, const float* x, float* y, std::int64_t* switches, const Rows&, float* scratch);
bool unpool(const Pool&, const float* y, const std::int64_t* switches, float* x, std::int64_t plane,
            const Rows& channels, bool last_wins);

// avg_pool.cpp
std::int64_t avg_pool_scratch(const Pool&);
void avg_pool(const Pool&, const Mean&, const float* x, float* y, const Rows&, float* scratch);
void avg_pool_gradient(const Pool&, const Mean&, const float* y, float* x, const Rows&, float* scratch);

// response_norm.cpp
std::int64_t response_norm_scratch(const ResponseNorm&, std::int64_t positions);
void response_norm(const ResponseNorm&, const float* x, const float* gradient, float* y, const Rows& positions,
                   float* scratch);

// affine.cpp
void affine(const Affine&, const Patch&);
void softmax(const float* x, float* y, std::int64_t columns);

// contrast_norm.cpp
std::int64_t contrast_norm_scratch(const ContrastNorm&);
void contrast_norm(const ContrastNorm&, const Contrast&, Step, const Rows&, float* scratch);

// unshared.cpp
std::int64_t unshared_scratch(const Unshared&);
std::int64_t unshared_columns(const Unshared&);
void unshared(const Unshared&, const float* x, const float* w, float* y, const Stretch&, float* scratch);
void unshared_input_gradient(const Unshared&, const float* y, const float* w, float* x, const Channels&,
                             float* scratch);
void unshared_weight_gradient(const Unshared&, const float* x, const float* y, float* w, std::int64_t kernel,
                              const Channels&, float* scratch);

extern const Kernels kernels;
const Kernels kernels{STRIATE_NAME(STRIATE_ISA),
                      lanes,
                      multiply_add,
                      std::int64_t(sums) * lanes,
                      sum,
                      spectral_product,
                      spectral_workspace,
                      pack_spectra,
                      spectral_right,
                      algorithms,
                      weight_gradients,
                      doubles::algorithms,
                      doubles::weight_gradients,
                      max_pool_scratch,
                      max_pool,
                      unpool,
                      avg_pool_scratch,
                      avg_pool,
                      avg_pool_gradient,
                      response_norm_scratch,
                      response_norm,
                      affine,
                      softmax,
                      contrast_norm_scratch,
                      contrast_norm,
                      unshared_scratch,
                      unshared_columns,
                      unshared,
                      unshared_input_gradient,
                      unshared_weight_gradient};

}  // namespace striate::STRIATE_ISA
