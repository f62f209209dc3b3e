#include "pool.h"

#include "share.h"

#include <algorithm>
#include <memory>

namespace striate {
namespace {

// Samples of a task, some microseconds of work: at least these, so that a team is worth beginning; at most those, so
// that no thread waits for another's last.
constexpr std::int64_t least_samples = 1 << 14, most_samples = 1 << 16;

// Hand out rows of positions, and to each thread a scratch of its own.
template <class Work>
void share_rows(const Pool& p, std::int64_t rows, std::int64_t scratch_floats, int threads, float* scratch,
                const Work& work) {
  const std::int64_t row =
      std::max<std::int64_t>(1, p.w * p.pixel() * p.planes() * p.d * p.h / std::max<std::int64_t>(1, rows));
  const std::int64_t fair = (rows + 2 * threads - 1) / (2 * threads);
  const std::int64_t chunk =
      std::max<std::int64_t>({1, least_samples / row, std::min<std::int64_t>(most_samples / row, fair)});
  const std::int64_t tasks = (rows + chunk - 1) / chunk;
  const std::int64_t team = std::max<std::int64_t>(1, std::min<std::int64_t>(threads, tasks));
  const std::unique_ptr<float[]> found(scratch ? nullptr : new float[std::size_t(team * scratch_floats)]);
  if (!scratch) scratch = found.get();
  share(int(team), tasks, [&](std::int64_t task, int thread) {
    work(Rows{task * chunk, std::min(rows, (task + 1) * chunk)}, scratch + thread * scratch_floats);
  });
}

}  // namespace

void max_pool(const Kernels& kernels, const Pool& pool, const float* x, float* y, std::int64_t* switches, int threads,
              float* scratch) {
  share_rows(pool, pool.planes() * pool.o * pool.p, kernels.max_pool_scratch(pool), threads, scratch,
             [&](const Rows& rows, float* own) { kernels.max_pool(pool, x, y, switches, rows, own); });
}

bool unpool(const Kernels& kernels, const Pool& p, const float* y, const std::int64_t* switches, float* x,
            bool last_wins, int threads) {
  // A plane is one thread's, so that sums have an order; with channels last, a few channels of it.
  const std::int64_t cut = p.last ? std::max<std::int64_t>(1, (threads + p.n - 1) / std::max<std::int64_t>(1, p.n)) : 1;
  const std::int64_t line = 16, width = p.last ? ((p.c + cut - 1) / cut + line - 1) / line * line : 1;
  const std::int64_t bands = p.last ? (p.c + width - 1) / width : 1;
  const std::int64_t small = p.planes() * p.h * p.w * p.pixel() < 2 * least_samples;
  bool within = true;
  share(small ? 1 : threads, p.planes() * bands, [&](std::int64_t task, int) {
    const std::int64_t plane = task / bands, channel = task % bands * width;
    const std::int64_t channels = std::min(width, p.pixel() - channel);
    const bool all = kernels.unpool(p, y, switches, x, plane, {channel, channel + channels}, last_wins);
    if (!all) __atomic_store_n(&within, false, __ATOMIC_RELAXED);
  });
  return within;
}

void pick(const Pool& p, const float* x, const std::int64_t* switches, float* y, int threads) {
  const std::int64_t in = p.h * p.w, out = p.p * p.q, pixel = p.pixel();
  const std::int64_t small = p.planes() * out * pixel < least_samples;
  const std::int64_t parts = p.last ? p.p : 1, some = out / parts * pixel;  // of a plane
  share(small ? 1 : threads, p.planes() * parts, [&](std::int64_t task, int) {
    const float* plane = x + task / parts * in * pixel;
    for (std::int64_t i = task * some; i < (task + 1) * some; i += pixel) {
      for (std::int64_t c = 0; c < pixel; ++c) y[i + c] = plane[switches[i + c] * pixel + c];
    }
  });
}

void avg_pool(const Kernels& kernels, const Pool& pool, const Mean& mean, const float* x, float* y, int threads,
              float* scratch) {
  share_rows(pool, pool.planes() * pool.p, kernels.avg_pool_scratch(pool), threads, scratch,
             [&](const Rows& rows, float* own) { kernels.avg_pool(pool, mean, x, y, rows, own); });
}

void avg_pool_gradient(const Kernels& kernels, const Pool& pool, const Mean& mean, const float* y, float* x,
                       int threads) {
  share_rows(pool, pool.planes() * pool.h, kernels.avg_pool_scratch(pool), threads, nullptr,
             [&](const Rows& rows, float* scratch) { kernels.avg_pool_gradient(pool, mean, y, x, rows, scratch); });
}

}  // namespace striate
