#include "affine.h"

#include "share.h"

#include <algorithm>

namespace striate {
namespace {

// Floats of a task, some microseconds of work; they stay in the nearest cache until they are bent.
constexpr std::int64_t together = 1 << 12;

// Where nothing is repeated and nothing lies apart, all numbers are those of one pixel.
Affine flat(const Affine& a) {
  const auto plain = [&](std::int64_t image, std::int64_t pixel) {
    return (pixel == a.c || a.pixels == 1) && (image == a.pixels * a.c || a.n == 1);
  };
  const auto there = [&](const Operand& o) { return !o.at || plain(o.image, o.pixel); };
  if (!plain(a.y_image, a.y_pixel) || !there(a.x) || !there(a.factor) || !there(a.term)) return a;
  Affine one = a;
  one.c = a.n * a.pixels * a.c, one.n = one.pixels = 1;
  return one;
}

}  // namespace

void affine(const Kernels& kernels, const Affine& given, int threads) {
  const Affine a = flat(given);
  const std::int64_t channels = std::min(a.c, together), cuts = (a.c + channels - 1) / channels;
  const std::int64_t pixels = std::max<std::int64_t>(1, std::min(a.pixels, together / std::max<std::int64_t>(1, a.c)));
  const std::int64_t rows = (a.pixels + pixels - 1) / pixels, tasks = a.n * rows * cuts;
  // A team takes some microseconds to come together.
  share(tasks < 4 ? 1 : threads, tasks, [&](std::int64_t task, int) {
    const std::int64_t cut = task % cuts * channels, row = task / cuts % rows * pixels;
    kernels.affine(a, {task / cuts / rows, row, std::min(pixels, a.pixels - row), cut, std::min(channels, a.c - cut)});
  });
}

void softmax(const Kernels& kernels, const float* x, float* y, std::int64_t rows, std::int64_t columns, int threads) {
  share(rows * columns < 4 * together ? 1 : threads, rows,
        [&](std::int64_t row, int) { kernels.softmax(x + row * columns, y + row * columns, columns); });
}

}  // namespace striate
