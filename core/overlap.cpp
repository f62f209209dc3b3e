#include "overlap.h"

#include "share.h"

#include <algorithm>
#include <cstring>

namespace striate {

namespace {

// Where a task's tile lies: its image, its place, its plane.
struct Tile {
  std::int64_t image, i, j, plane;

  Tile(const Overlap& o, std::int64_t task)
      : image(task / o.planes / o.tiles_w / o.tiles_h),
        i(task / o.planes / o.tiles_w % o.tiles_h),
        j(task / o.planes % o.tiles_w),
        plane(task % o.planes) {}
};

std::int64_t tiles(const Overlap& o, std::int64_t images) { return images * o.tiles_h * o.tiles_w * o.planes; }

}  // namespace

void cut(const Overlap& o, const float* from, float* to, std::int64_t images, int threads) {
  share(threads, tiles(o, images), [&](std::int64_t task, int) {
    const Tile t(o, task);
    const float* plane = from + (t.image * o.planes + t.plane) * o.h * o.w;
    const std::int64_t y = (o.first + t.i) * o.step_h - o.top, x = t.j * o.step_w - o.left;
    const std::int64_t before = std::clamp<std::int64_t>(-x, 0, o.window_w);
    const std::int64_t end = std::clamp<std::int64_t>(o.w - x, before, o.window_w);
    float* row = to + task * o.size_h * o.size_w;
    for (std::int64_t r = 0; r < o.size_h; ++r, row += o.size_w) {
      const bool there = r < o.window_h && y + r >= 0 && y + r < o.h && before < end;
      const std::int64_t begin = there ? before : 0, stop = there ? end : 0;
      std::fill(row, row + begin, 0.0f);
      if (there) std::memcpy(row + begin, plane + (y + r) * o.w + x + begin, std::size_t(stop - begin) * sizeof(float));
      std::fill(row + stop, row + o.size_w, 0.0f);
    }
  });
}

void unfold(const float* spectra, float* to, std::int64_t count, std::int64_t size_h, std::int64_t size_w,
            int threads) {
  const std::int64_t half = size_w / 2 + 1, mirrored = size_w - half;
  share(threads, count, [&](std::int64_t task, int) {
    const float* from = spectra + task * size_h * half * 2;
    float* plane = to + task * size_h * size_w;
    for (std::int64_t u = 0; u < size_h; ++u, from += 2 * half) {
      float* row = plane + u * size_w;
      float* opposite = plane + (u ? size_h - u : 0) * size_w + size_w;
      for (std::int64_t v = 0; v < half; ++v) row[v] = from[2 * v] - from[2 * v + 1];
      for (std::int64_t v = 1; v <= mirrored; ++v) opposite[-v] = from[2 * v] + from[2 * v + 1];
    }
  });
}

void put(const Overlap& o, const float* spectra, const float* offset, float* to, std::int64_t images, int threads) {
  const std::int64_t half = o.size_w / 2 + 1;
  const float scale = 1.0f / float(o.size_h * o.size_w);
  share(threads, tiles(o, images), [&](std::int64_t task, int) {
    const Tile t(o, task);
    const std::int64_t y = (o.first + t.i) * o.step_h - o.top, x = t.j * o.step_w - o.left;
    const std::int64_t rows = std::min(o.step_h, o.h - y), columns = std::min(o.step_w, o.w - x);
    const std::int64_t direct = std::min(columns, half);
    const float* from = spectra + task * o.size_h * half * 2;
    const float add = offset ? offset[t.plane] : 0.0f;
    for (std::int64_t r = 0; r < rows; ++r) {
      float* row = to + ((t.image * o.planes + t.plane) * o.h + y + r) * o.w + x;
      const float* near = from + r * half * 2;
      const float* opposite = from + (r ? o.size_h - r : 0) * half * 2;
      for (std::int64_t q = 0; q < direct; ++q) row[q] = (near[2 * q] - near[2 * q + 1]) * scale + add;
      for (std::int64_t q = direct; q < columns; ++q) {
        const float* at = opposite + 2 * (o.size_w - q);
        row[q] = (at[0] + at[1]) * scale + add;
      }
    }
  });
}

}  // namespace striate
