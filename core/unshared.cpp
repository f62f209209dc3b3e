#include "unshared.h"

#include "share.h"

#include <algorithm>

namespace striate {
namespace {

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Multiply-adds of a task: some microseconds, so that a team is worth beginning and no thread waits for another's last.
constexpr std::int64_t task_multiply_adds = 1 << 17;

// Floats that a second cache keeps.
constexpr std::int64_t kept_floats = 1 << 17;

int team(const Unshared& u, int threads) {
  return int(std::max<std::int64_t>(1, std::min<std::int64_t>(threads, u.multiply_adds() / task_multiply_adds)));
}

float* scratch_of(const Kernels& kernels, const Unshared& u, std::byte* scratch, int thread) {
  return reinterpret_cast<float*>(scratch) + thread * kernels.unshared_scratch(u);
}

// Into how many pieces the channels of a group are cut, so that so many tasks of each are enough for all threads.
std::int64_t pieces(const Unshared& u, std::int64_t tasks, int threads) {
  return std::max<std::int64_t>(1, std::min<std::int64_t>(u.c, divided_up(threads, tasks)));
}

}  // namespace

std::int64_t unshared_workspace(const Kernels& kernels, const Unshared& u, int threads) {
  return std::int64_t(sizeof(float)) * threads * kernels.unshared_scratch(u);
}

void unshared(const Kernels& kernels, const Unshared& u, const float* x, const float* w, float* y, std::byte* scratch,
              int threads) {
  const auto& [slow, middle, fast] = u.axes;
  const int many = team(u, threads);
  const std::int64_t columns = kernels.unshared_columns(u), rows = slow.positions * middle.positions;
  // The longer a stretch, the less is gathered twice. Of many images only some are taken at a time, so the matrices of
  // a stretch, which are read for each of them, must stay in a cache.
  const std::int64_t few = std::min<std::int64_t>(u.n, 8), fair = divided_up(rows * fast.positions, 4 * many);
  const std::int64_t staying = u.n > few && fast.kernels * u.k * u.depth() > kept_floats
                                   ? std::max<std::int64_t>(1, kept_floats / (u.k * u.depth()))
                                   : longest_stretch;
  const std::int64_t length = std::max<std::int64_t>(
      1, std::min({columns / few, staying, std::int64_t(longest_stretch), fair, fast.positions}));
  const std::int64_t images = std::clamp<std::int64_t>(columns / length, 1, u.n), cuts = divided_up(u.n, images);
  const std::int64_t stretches = divided_up(fast.positions, length), items = rows * stretches * cuts * u.groups;
  const std::int64_t chunk = std::max<std::int64_t>(1, task_multiply_adds * items / u.multiply_adds());
  share(many, divided_up(items, chunk), [&](std::int64_t task, int thread) {
    for (std::int64_t i = task * chunk; i < std::min(items, (task + 1) * chunk); ++i) {
      const std::int64_t image = i / u.groups % cuts * images, place = i / u.groups / cuts;
      const std::int64_t first = place % stretches * length, row = place / stretches;
      const Stretch stretch{row / middle.positions,
                            row % middle.positions,
                            first,
                            std::min(fast.positions, first + length),
                            image,
                            std::min(images, u.n - image),
                            i % u.groups};
      kernels.unshared(u, x, w, y, stretch, scratch_of(kernels, u, scratch, thread));
    }
  });
}

void unshared_input_gradient(const Kernels& kernels, const Unshared& u, const float* y, const float* w, float* x,
                             std::byte* scratch, int threads) {
  const int many = team(u, threads);
  const std::int64_t parts = pieces(u, u.groups, many), channels = divided_up(u.c, parts);
  // Where there are fewer channels than threads, images are shared too, and each thread reads all kernels.
  const std::int64_t cuts = std::min(u.n, divided_up(many, parts * u.groups)), images = divided_up(u.n, cuts);
  share(many, u.groups * parts * cuts, [&](std::int64_t task, int thread) {
    const std::int64_t piece = task % parts, group = task / parts % u.groups, image = task / parts / u.groups * images;
    const Channels some{group, piece * channels, std::min(u.c, (piece + 1) * channels)};
    Unshared part = u;
    part.n = std::min(images, u.n - image);
    if (part.n < 1 || some.first >= some.end) return;
    kernels.unshared_input_gradient(part, y + image * u.y_image, w, x + image * u.x_image, some,
                                    scratch_of(kernels, u, scratch, thread));
  });
}

void unshared_weight_gradient(const Kernels& kernels, const Unshared& u, const float* x, const float* y, float* w,
                              std::byte* scratch, int threads) {
  const int many = team(u, threads);
  const std::int64_t matrices = u.kernels() * u.groups, parts = pieces(u, matrices, many);
  const std::int64_t channels = divided_up(u.c, parts), items = matrices * parts;
  const std::int64_t work = u.multiply_adds() / items;
  const std::int64_t chunk =
      std::clamp<std::int64_t>(task_multiply_adds / std::max<std::int64_t>(1, work), 1, divided_up(items, many));
  share(many, divided_up(items, chunk), [&](std::int64_t task, int thread) {
    for (std::int64_t i = task * chunk; i < std::min(items, (task + 1) * chunk); ++i) {
      const std::int64_t piece = i % parts, kernel = i / parts / u.groups;
      const Channels some{i / parts % u.groups, piece * channels, std::min(u.c, (piece + 1) * channels)};
      if (some.first < some.end) {
        kernels.unshared_weight_gradient(u, x, y, w, kernel, some, scratch_of(kernels, u, scratch, thread));
      }
    }
  });
}

}  // namespace striate
