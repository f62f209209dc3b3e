#include "response_norm.h"

#include "pool.h"
#include "share.h"

#include <algorithm>
#include <memory>

namespace striate {
namespace {

// Positions that are computed together: of a few maps they stay in the nearest cache.
constexpr std::int64_t block = 512, floats_of_a_task = 1 << 15;

void run(const Kernels& kernels, const ResponseNorm& norm, const float* x, const float* gradient, float* y,
         int threads) {
  const std::int64_t fitting = floats_of_a_task / std::max<std::int64_t>(1, norm.c);
  const std::int64_t wide = norm.last ? std::max<std::int64_t>(1, fitting) : block;
  const std::int64_t parts = (norm.positions + wide - 1) / wide, tasks = norm.n * parts;
  const int team = int(std::max<std::int64_t>(1, std::min<std::int64_t>(threads, tasks)));
  const std::int64_t floats = kernels.response_norm_scratch(norm, wide);
  const std::unique_ptr<float[]> scratch(new float[std::size_t(team * floats)]);
  share(team, tasks, [&](std::int64_t task, int thread) {
    const std::int64_t image = task / parts * norm.c * norm.positions, first = task % parts * wide;
    const Rows positions{first, std::min(norm.positions, first + wide)};
    kernels.response_norm(norm, x + image, gradient ? gradient + image : nullptr, y + image, positions,
                          scratch.get() + thread * floats);
  });
}

}  // namespace

void response_norm(const Kernels& kernels, const ResponseNorm& norm, const float* x, float* y, int threads) {
  run(kernels, norm, x, nullptr, y, threads);
}

void response_norm_gradient(const Kernels& kernels, const ResponseNorm& norm, const float* x, const float* gradient,
                            float* to, int threads) {
  run(kernels, norm, x, gradient, to, threads);
}

}  // namespace striate
