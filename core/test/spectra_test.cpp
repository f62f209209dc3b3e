// Products of spectra and overlapped tiles, of every instruction set that runs here, against plain loops: values, every
// place that may be written and no other, the same bits whatever the threads.
#include "check.h"
#include "isa.h"
#include "overlap.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace striate;

namespace {

using Random = std::mt19937;

constexpr float untouched = 12345;

std::vector<float> normal(Random& random, std::int64_t count) {
  std::normal_distribution<float> draw;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = draw(random);
  return values;
}

std::int64_t from(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

// Everything lies row by row: groups, rows or columns, depth, frequencies.
void check_product(const Kernels& kernels, Random& random) {
  const std::int64_t groups = from(random, 1, 3), rows = from(random, 1, 9), columns = from(random, 1, 9);
  const std::int64_t depth = from(random, 1, 6), f = from(random, 1, 70);
  const std::vector<float> left = normal(random, groups * rows * depth * f * 2);
  const std::vector<float> right = normal(random, groups * columns * depth * f * 2);
  const bool conjugate = from(random, 0, 1), add = from(random, 0, 1);
  std::vector<float> packed(std::size_t(kernels.spectral_right(groups, columns, depth, f)), untouched);
  kernels.pack_spectra(
      {right.data(), groups, columns, depth, f, columns * depth * f * 2, depth * f * 2, f * 2, conjugate},
      packed.data(), 2);
  const std::size_t count = std::size_t(groups * rows * columns * f * 2);
  std::vector<float> found[2];
  for (int threads : {1, 2}) {
    std::vector<float>& out = found[threads - 1] = std::vector<float>(count + 1, add ? 1.0f : untouched);
    out.back() = untouched;
    const SpectralProduct p{left.data(),
                            packed.data(),
                            out.data(),
                            groups,
                            rows,
                            columns,
                            depth,
                            f,
                            rows * depth * f * 2,
                            depth * f * 2,
                            f * 2,
                            rows * columns * f * 2,
                            columns * f * 2,
                            f * 2,
                            add};
    std::vector<std::byte> scratch(std::size_t(threads * kernels.spectral_workspace(p)));
    kernels.spectral_product(p, scratch.data(), threads);
    CHECK(out.back() == untouched);
  }
  CHECK(!std::memcmp(found[0].data(), found[1].data(), count * sizeof(float)));
  for (std::int64_t i = 0; i < groups * rows * columns * f; ++i) {
    const std::int64_t v = i % f, j = i / f % columns, r = i / f / columns % rows, g = i / f / columns / rows;
    double re = add, im = add;
    for (std::int64_t d = 0; d < depth; ++d) {
      const float* a = &left[std::size_t((((g * rows + r) * depth + d) * f + v) * 2)];
      const float* b = &right[std::size_t((((g * columns + j) * depth + d) * f + v) * 2)];
      const double sign = conjugate ? -1 : 1;
      re += double(a[0]) * b[0] - sign * double(a[1]) * b[1];
      im += sign * double(a[0]) * b[1] + double(a[1]) * b[0];
    }
    CHECK(std::abs(found[0][std::size_t(2 * i)] - re) < 1e-4);
    CHECK(std::abs(found[0][std::size_t(2 * i + 1)] - im) < 1e-4);
  }
}

// A tile has the numbers of its window, and zeros where there are none.
void check_cut(Random& random) {
  Overlap o{};
  const std::int64_t images = from(random, 1, 2);
  o.planes = from(random, 1, 3), o.h = from(random, 1, 12), o.w = from(random, 1, 12);
  o.first = from(random, 0, 1), o.tiles_h = from(random, 1, 3), o.tiles_w = from(random, 1, 3);
  o.step_h = from(random, 1, 5), o.step_w = from(random, 1, 5), o.top = from(random, -4, 9);
  o.left = from(random, -4, 9), o.window_h = from(random, 1, 8), o.window_w = from(random, 1, 8);
  o.size_h = o.window_h + from(random, 0, 3), o.size_w = o.window_w + from(random, 0, 3);
  const std::vector<float> x = normal(random, images * o.planes * o.h * o.w);
  const std::int64_t count = images * o.tiles_h * o.tiles_w * o.planes * o.size_h * o.size_w;
  std::vector<float> tiles(std::size_t(count) + 1, untouched);
  cut(o, x.data(), tiles.data(), images, 2);
  CHECK(tiles.back() == untouched);
  for (std::int64_t at = 0; at < count; ++at) {
    const std::int64_t q = at % o.size_w, p = at / o.size_w % o.size_h, tile = at / o.size_w / o.size_h;
    const std::int64_t plane = tile % o.planes, j = tile / o.planes % o.tiles_w;
    const std::int64_t i = tile / o.planes / o.tiles_w % o.tiles_h, n = tile / o.planes / o.tiles_w / o.tiles_h;
    const std::int64_t y = (o.first + i) * o.step_h - o.top + p, z = j * o.step_w - o.left + q;
    const bool there = p < o.window_h && q < o.window_w && y >= 0 && y < o.h && z >= 0 && z < o.w;
    const float want = there ? x[std::size_t(((n * o.planes + plane) * o.h + y) * o.w + z)] : 0.0f;
    CHECK(tiles[std::size_t(at)] == want);
  }
}

// The transform of `size_h * size_w` real numbers, half of it, by its definition.
std::vector<float> transformed(const std::vector<float>& x, std::int64_t size_h, std::int64_t size_w) {
  const std::int64_t half = size_w / 2 + 1;
  std::vector<float> spectrum;
  for (std::int64_t u = 0; u < size_h; ++u) {
    for (std::int64_t v = 0; v < half; ++v) {
      double re = 0, im = 0;
      for (std::int64_t p = 0; p < size_h; ++p) {
        for (std::int64_t q = 0; q < size_w; ++q) {
          const double angle = -2 * 3.14159265358979323846 *
                               (double(u * p % size_h) / double(size_h) + double(v * q % size_w) / double(size_w));
          re += x[std::size_t(p * size_w + q)] * std::cos(angle),
              im += x[std::size_t(p * size_w + q)] * std::sin(angle);
        }
      }
      spectrum.push_back(float(re)), spectrum.push_back(float(im));
    }
  }
  return spectrum;
}

// There and back: the first numbers of a tile, scaled, where they belong, cut off at the plane's end.
void check_back(Random& random) {
  Overlap o{};
  o.planes = 1, o.tiles_h = o.tiles_w = 1;
  o.size_h = o.window_h = from(random, 1, 7), o.size_w = o.window_w = from(random, 1, 8);
  o.step_h = from(random, 1, o.size_h), o.step_w = from(random, 1, o.size_w);
  o.h = from(random, 1, o.step_h), o.w = from(random, 1, o.step_w);
  const std::vector<float> x = normal(random, o.size_h * o.size_w);
  std::vector<float> real(x.size() + 1, untouched), out(std::size_t(o.h * o.w) + 1, untouched);
  unfold(transformed(x, o.size_h, o.size_w).data(), real.data(), 1, o.size_h, o.size_w, 1);
  CHECK(real.back() == untouched);
  real.pop_back();
  const float offset = 2;
  put(o, transformed(real, o.size_h, o.size_w).data(), &offset, out.data(), 1, 1);
  CHECK(out.back() == untouched);
  for (std::int64_t p = 0; p < o.h; ++p) {
    for (std::int64_t q = 0; q < o.w; ++q) {
      CHECK(std::abs(out[std::size_t(p * o.w + q)] - x[std::size_t(p * o.size_w + q)] - offset) < 1e-4);
    }
  }
}

}  // namespace

int main() {
  Random random(0);
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    for (int i = 0; i < 40; ++i) check_product(*isa.kernels, random);
  }
  for (int i = 0; i < 60; ++i) check_cut(random);
  for (int i = 0; i < 60; ++i) check_back(random);
  std::printf("spectra_test: %d checks\n", checks);
}
