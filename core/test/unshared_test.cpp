// Convolution with kernels that depend on the position, of every instruction set that runs here, against plain loops in
// double precision: output and both gradients, in one to three dimensions, images that lie in memory in any order;
// every place that may be written and no other, the same bits whatever the batch and the threads.
#include "unshared.h"
#include "floats.h"
#include "isa.h"

#include <functional>

using namespace striate;

namespace {

// Steps in memory of (n, c, and three axes), in one of a few orders, with something between the channels or not.
void lay_out(Random& random, std::int64_t c, std::int64_t (&size)[3], std::int64_t& image, std::int64_t& channel,
             std::int64_t (&steps)[3]) {
  const std::int64_t gap = drawn(random, 0, 3) ? 0 : drawn(random, 1, 5);
  if (drawn(random, 0, 2)) {  // planes of channels
    steps[2] = 1, steps[1] = size[2], steps[0] = size[1] * size[2];
    channel = size[0] * steps[0] + gap, image = c * channel;
  } else {  // channels of a pixel side by side
    channel = 1, steps[2] = c + gap, steps[1] = size[2] * steps[2], steps[0] = size[1] * steps[1];
    image = size[0] * steps[0];
  }
}

Unshared drawn_problem(Random& random) {
  Unshared u{};
  const bool large = drawn(random, 0, 4) == 0;
  u.n = drawn(random, 1, large ? 20 : 9), u.groups = drawn(random, 0, 2) ? 1 : drawn(random, 2, 3);
  u.c = drawn(random, 1, large ? 40 : 5), u.k = drawn(random, 1, large ? 33 : 9);
  const std::int64_t rank = drawn(random, 1, 3);
  std::int64_t sizes[3], outputs[3], x[3], y[3];
  for (int i = 0; i < 3; ++i) {
    Axis& a = u.axes[i];
    a = {1, 1, 1, 1, 1, 0, 1, 0, 0};
    if (i >= 3 - rank) {
      a.taps = drawn(random, 1, rank == 1 ? 11 : 4), a.stride = drawn(random, 1, 3), a.dilation = drawn(random, 1, 2);
      const std::int64_t extent = a.dilation * (a.taps - 1) + 1;
      a.before = drawn(random, -1, extent);
      a.size = drawn(random, 2, rank == 1 ? 60 : rank == 2 ? 11 : 5);
      // The last positions may be anywhere: padding on the other side is not told.
      a.positions = drawn(random, 1, std::max<std::int64_t>(1, (a.size + a.before + extent) / a.stride));
      const std::int64_t turns[] = {1, 2, 3, a.positions, a.positions + 1, a.positions};
      a.kernels = turns[drawn(random, 0, 5)];
      if (drawn(random, 0, 3) == 0) a.before -= extent - 1, a.dilation = -a.dilation;
    }
    sizes[i] = a.size, outputs[i] = a.positions;
  }
  lay_out(random, u.groups * u.c, sizes, u.x_image, u.x_channel, x);
  lay_out(random, u.groups * u.k, outputs, u.y_image, u.y_channel, y);
  for (int i = 0; i < 3; ++i) u.axes[i].x = x[i], u.axes[i].y = y[i];
  return u;
}

// Call `work(x, w, y)`, places of three numbers, for every product that there is.
template <class Work>
void each_product(const Unshared& u, const Work& work) {
  std::int64_t p[3], t[3];
  const auto& a = u.axes;
  for (std::int64_t n = 0; n < u.n; ++n)
    for (std::int64_t gk = 0; gk < u.groups * u.k; ++gk)
      for (p[0] = 0; p[0] < a[0].positions; ++p[0])
        for (p[1] = 0; p[1] < a[1].positions; ++p[1])
          for (p[2] = 0; p[2] < a[2].positions; ++p[2])
            for (std::int64_t c = 0; c < u.c; ++c)
              for (t[0] = 0; t[0] < a[0].taps; ++t[0])
                for (t[1] = 0; t[1] < a[1].taps; ++t[1])
                  for (t[2] = 0; t[2] < a[2].taps; ++t[2]) {
                    std::int64_t x = n * u.x_image + (gk / u.k * u.c + c) * u.x_channel;
                    std::int64_t y = n * u.y_image + gk * u.y_channel, kernel = 0, tap = 0;
                    bool inside = true;
                    for (int i = 0; i < 3; ++i) {
                      const std::int64_t at = p[i] * a[i].stride - a[i].before + t[i] * a[i].dilation;
                      inside = inside && at >= 0 && at < a[i].size;
                      x += at * a[i].x, y += p[i] * a[i].y;
                      kernel = kernel * a[i].kernels + p[i] % a[i].kernels, tap = tap * a[i].taps + t[i];
                    }
                    if (inside) work(x, ((kernel * u.groups * u.k + gk) * u.c + c) * u.taps() + tap, y);
                  }
}

// By every instruction set on one thread and on several, scratch poisoned: the same bits.
using Run = std::function<void(const Kernels&, const Unshared&, float* to, std::byte* scratch, int threads)>;
std::vector<Floats> by_all(const Unshared& u, std::int64_t count, const std::vector<bool>& written_at, const Run& run) {
  std::vector<Floats> all;
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    Floats first;
    for (int threads = 1; threads < 4; ++threads) {
      Floats scratch(index(unshared_workspace(*isa.kernels, u, threads)) / sizeof(float), std::nanf(""));
      Floats got = floats(
          count, [&](float* to) { run(*isa.kernels, u, to, reinterpret_cast<std::byte*>(scratch.data()), threads); });
      for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(std::isnan(got[i]) != written_at[i]);  // between the channels nobody writes
        if (!written_at[i]) got[i] = 0;
      }
      if (threads == 1) first = got;
      CHECK(same(got, first));
    }
    all.push_back(first);
  }
  return all;
}

// The places of an image's numbers, of those that its steps reach over.
std::vector<bool> places(const Unshared& u, bool of_output, std::int64_t& count) {
  std::vector<bool> found(index(count));
  const std::int64_t channels = u.groups * (of_output ? u.k : u.c);
  for (std::int64_t i = 0; i < u.n * channels; ++i) {
    const std::int64_t plane = of_output ? i / channels * u.y_image + i % channels * u.y_channel
                                         : i / channels * u.x_image + i % channels * u.x_channel;
    const auto size = [&](int axis) { return of_output ? u.axes[axis].positions : u.axes[axis].size; };
    const auto step = [&](int axis) { return of_output ? u.axes[axis].y : u.axes[axis].x; };
    for (std::int64_t j = 0; j < size(0) * size(1) * size(2); ++j) {
      found[index(plane + j % size(2) * step(2) + j / size(2) % size(1) * step(1) + j / size(2) / size(1) * step(0))] =
          true;
    }
  }
  return found;
}

// The last image alone has the bits that it has among others.
void check_alone(const Unshared& u, const std::vector<Floats>& all, std::int64_t image, const Run& run) {
  Unshared one = u;
  one.n = 1;
  std::size_t which = 0;
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    Floats scratch(index(unshared_workspace(*isa.kernels, one, 2)) / sizeof(float), std::nanf(""));
    Floats got =
        floats(image, [&](float* to) { run(*isa.kernels, one, to, reinterpret_cast<std::byte*>(scratch.data()), 2); });
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (!std::isnan(got[i])) CHECK(got[i] == all[which][all[which].size() - got.size() + i]);
    }
    ++which;
  }
}

void check(Random& random, const Unshared& u) {
  std::int64_t inputs = u.n * u.x_image, outputs = u.n * u.y_image;
  const std::int64_t weights = u.kernels() * u.groups * u.k * u.depth();
  const Floats x = normal(random, inputs), w = normal(random, weights), y = normal(random, outputs);
  std::vector<double> forward(index(outputs)), input(index(inputs)), weight(index(weights));
  each_product(u, [&](std::int64_t at_x, std::int64_t at_w, std::int64_t at_y) {
    const double a = double(x[index(at_x)]), b = double(w[index(at_w)]), c = double(y[index(at_y)]);
    forward[index(at_y)] += a * b, input[index(at_x)] += b * c, weight[index(at_w)] += a * c;
  });
  const auto skipped = [&](const Unshared& some, std::int64_t image) { return (u.n - some.n) * image; };
  const Run run_forward = [&](const Kernels& k, const Unshared& some, float* to, std::byte* scratch, int threads) {
    unshared(k, some, x.data() + skipped(some, u.x_image), w.data(), to, scratch, threads);
  };
  const Run run_input = [&](const Kernels& k, const Unshared& some, float* to, std::byte* scratch, int threads) {
    unshared_input_gradient(k, some, y.data() + skipped(some, u.y_image), w.data(), to, scratch, threads);
  };
  const Run run_weight = [&](const Kernels& k, const Unshared& some, float* to, std::byte* scratch, int threads) {
    unshared_weight_gradient(k, some, x.data(), y.data(), to, scratch, threads);
  };
  const std::vector<Floats> by_forward = by_all(u, outputs, places(u, true, outputs), run_forward);
  const std::vector<Floats> by_input = by_all(u, inputs, places(u, false, inputs), run_input);
  for (const Floats& got : by_forward) close(got, forward, 1e-5);
  for (const Floats& got : by_input) close(got, input, 1e-5);
  for (const Floats& got : by_all(u, weights, std::vector<bool>(index(weights), true), run_weight))
    close(got, weight, 1e-5);
  check_alone(u, by_forward, u.y_image, run_forward);
  check_alone(u, by_input, u.x_image, run_input);
}

// Sums of more than one part; more images than are gathered together; one position, and many of one kernel.
void check_sizes(Random& random) {
  const auto plain = [](std::int64_t n, std::int64_t c, std::int64_t k, std::int64_t size, std::int64_t taps,
                        std::int64_t kernels) {
    const std::int64_t positions = size - taps + 1;
    return Unshared{n,
                    1,
                    c,
                    k,
                    c * size,
                    size,
                    k * positions,
                    positions,
                    {{1, 1, 1, 1, 1, 0, 1, size, positions},
                     {1, 1, 1, 1, 1, 0, 1, size, positions},
                     {size, positions, kernels, taps, 1, 0, 1, 1, 1}}};
  };
  for (const Unshared& u :
       {plain(3, 257, 5, 9, 5, 5), plain(150, 2, 3, 6, 3, 4), plain(1, 300, 70, 7, 7, 1), plain(2, 7, 20, 400, 3, 1),
        plain(2, 20, 20, 60, 3, 58), plain(2, 26, 3, 12, 8, 5), plain(1, 43, 3, 12, 8, 5), plain(4, 27, 9, 9, 8, 2)})
    check(random, u);
}

// Numbers below 1e-38 are zero, and the caller's setting stays what it was.
void check_denormals() {
  const Unshared u{
      1, 1, 1, 1, 1, 1, 1, 1, {{1, 1, 1, 1, 1, 0, 1, 1, 1}, {1, 1, 1, 1, 1, 0, 1, 1, 1}, {1, 1, 1, 1, 1, 0, 1, 1, 1}}};
  const float tiny = 1e-39f, one = 1;
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    Floats scratch(index(unshared_workspace(*isa.kernels, u, 1)) / sizeof(float));
    float y = 1;
    unshared(*isa.kernels, u, &tiny, &one, &y, reinterpret_cast<std::byte*>(scratch.data()), 1);
    CHECK(y == 0);
    volatile float half = tiny;
    CHECK(half * 0.5f > 0);
  }
}

}  // namespace

int main() {
  Random random(1);
  check_sizes(random);
  check_denormals();
  for (int i = 0; i < 150; ++i) check(random, drawn_problem(random));
  std::printf("unshared_test: %d checks\n", checks);
}
