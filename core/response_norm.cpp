#include "response_norm.h"

#include "pool.h"
#include "share.h"

#include <algorithm>
#include <memory>

namespace striate {
namespace {

// Positions that are computed together: of a few maps they stay in the nearest cache.
constexpr std::int64_t block = 512, floats_of_a_task = 1 << 15;

// How the positions of an image are parted.
struct Parts {
  std::int64_t wide, of_image, tasks;
};

Parts parts(const ResponseNorm& norm) {
  const std::int64_t fitting = floats_of_a_task / std::max<std::int64_t>(1, norm.c);
  const std::int64_t wide = norm.last ? std::max<std::int64_t>(1, fitting) : block;
  const std::int64_t of_image = (norm.positions + wide - 1) / wide;
  return {wide, of_image, norm.n * of_image};
}

int team(const Parts& parts, int threads) {
  return int(std::max<std::int64_t>(1, std::min<std::int64_t>(threads, parts.tasks)));
}

void run(const Kernels& kernels, const ResponseNorm& norm, const float* x, const float* gradient, float* y, int threads,
         float* scratch) {
  const auto [wide, of_image, tasks] = parts(norm);
  const std::int64_t floats = kernels.response_norm_scratch(norm, wide);
  const std::unique_ptr<float[]> found(scratch ? nullptr
                                               : new float[std::size_t(response_norm_scratch(kernels, norm, threads))]);
  if (!scratch) scratch = found.get();
  share(team(parts(norm), threads), tasks, [&, wide = wide, of_image = of_image](std::int64_t task, int thread) {
    const std::int64_t image = task / of_image * norm.c * norm.positions, first = task % of_image * wide;
    const Rows positions{first, std::min(norm.positions, first + wide)};
    kernels.response_norm(norm, x + image, gradient ? gradient + image : nullptr, y + image, positions,
                          scratch + thread * floats);
  });
}

}  // namespace

std::int64_t response_norm_scratch(const Kernels& kernels, const ResponseNorm& norm, int threads) {
  return team(parts(norm), threads) * kernels.response_norm_scratch(norm, parts(norm).wide);
}

void response_norm(const Kernels& kernels, const ResponseNorm& norm, const float* x, float* y, int threads,
                   float* scratch) {
  run(kernels, norm, x, nullptr, y, threads, scratch);
}

void response_norm_gradient(const Kernels& kernels, const ResponseNorm& norm, const float* x, const float* gradient,
                            float* to, int threads) {
  run(kernels, norm, x, gradient, to, threads, nullptr);
}

}  // namespace striate
