// Programs, and what is done number by number, by every instruction set that runs here: against plain loops in double
// precision, every place that may be written and no other, the same bits whatever the threads.
#include "program.h"
#include "floats.h"
#include "isa.h"

#include <cmath>
#include <functional>
#include <vector>

using namespace striate;

namespace {

constexpr int bends = int(Bend::elu) + 1;

template <class Work>
void each_isa(const Work& work) {
  for (const Isa& isa : isas()) {
    if (isa.refuses().empty()) work(*isa.kernels);
  }
}

Activation drawn_activation(Random& random) {
  const Bend bend = Bend(drawn(random, 0, bends - 1));
  return {bend, bend == Bend::clip ? -0.5f : 0.2f, 1.5f};
}

// An operand with steps of its own, of which some repeat its numbers.
struct Drawn {
  Floats numbers;
  Operand operand;

  Drawn(Random& random, std::int64_t n, std::int64_t pixels, std::int64_t c, bool may_repeat) {
    const std::int64_t kind = may_repeat ? drawn(random, 0, 3) : drawn(random, 2, 3);
    const std::int64_t gap = kind == 3 ? drawn(random, 1, 5) : 0;
    const std::int64_t pixel = kind < 2 ? 0 : c + gap, image = kind == 0 ? 0 : kind == 1 ? c : pixels * pixel;
    numbers = normal(random, (n - 1) * image + (pixels - 1) * pixel + c);
    operand = {numbers.data(), image, pixel};
  }

  double at(std::int64_t n, std::int64_t pixel, std::int64_t c) const {
    return double(numbers[index(n * operand.image + pixel * operand.pixel + c)]);
  }
};

void check_affine(Random& random) {
  const std::int64_t n = drawn(random, 1, 3), pixels = drawn(random, 1, 60);
  const std::int64_t c = drawn(random, 0, 5) ? drawn(random, 1, 70) : drawn(random, 4000, 9000);
  const Drawn x(random, n, pixels, c, false), factor(random, n, pixels, c, true), term(random, n, pixels, c, true);
  const bool times = drawn(random, 0, 1), plus = drawn(random, 0, 1), then = drawn(random, 0, 1);
  const Activation activation = drawn_activation(random);
  const std::int64_t gap = drawn(random, 0, 1) * 3, step = c + gap, image = pixels * step;
  each_isa([&](const Kernels& kernels) {
    const auto run = [&](int threads) {
      return floats(n * image, [&](float* y) {
        for (std::int64_t i = 0; i < n * image; ++i) y[i] = 7;
        affine(kernels,
               {n, pixels, c, x.operand, times ? factor.operand : Operand{}, plus ? term.operand : Operand{}, y, image,
                step, then ? &activation : nullptr},
               threads);
      });
    };
    const Floats y = run(1);
    CHECK(same(run(2), y));
    for (std::int64_t i = 0; i < n * image; ++i) {
      const std::int64_t each = i / image, pixel = i % image / step, channel = i % step;
      if (channel >= c) {
        CHECK(y[index(i)] == 7);
        continue;
      }
      double want = x.at(each, pixel, channel) * (times ? factor.at(each, pixel, channel) : 1);
      if (plus) want += term.at(each, pixel, channel);
      if (then) want = bent(want, activation);
      CHECK(std::abs(double(y[index(i)]) - want) <= 1e-6 * (1 + std::abs(want)));
    }
  });
}

// Every function far out and near zero, and of what is no number.
void check_activations() {
  Floats x;
  for (double value = 1e-6; value < 200; value *= 1.03) x.push_back(float(value)), x.push_back(float(-value));
  x.push_back(0), x.push_back(std::nanf("")), x.push_back(INFINITY);
  const auto count = std::int64_t(x.size());
  each_isa([&](const Kernels& kernels) {
    for (int bend = 0; bend < bends; ++bend) {
      const Activation by{Bend(bend), bend == int(Bend::clip) ? -1.0f : 0.1f, 6};
      const Floats y =
          floats(count, [&](float* to) { affine(kernels, {1, 1, count, {x.data(), 0, 0}, {}, {}, to, 0, 0, &by}, 1); });
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double want = bent(double(x[i]), by);
        CHECK(std::isnan(want) ? std::isnan(y[i])
                               : double(y[i]) == want || std::abs(double(y[i]) - want) <= 5e-7 * (1 + std::abs(want)));
      }
    }
  });
}

void check_softmax(Random& random) {
  const std::int64_t rows = drawn(random, 1, 5), columns = drawn(random, 1, 1200);
  Floats x = normal(random, rows * columns);
  for (float& value : x) value *= 20;
  each_isa([&](const Kernels& kernels) {
    const Floats y = floats(rows * columns, [&](float* to) { softmax(kernels, x.data(), to, rows, columns, 2); });
    for (std::int64_t row = 0; row < rows; ++row) {
      double sum = 0, total = 0;
      for (std::int64_t i = 0; i < columns; ++i) sum += std::exp(double(x[index(row * columns + i)]));
      for (std::int64_t i = 0; i < columns; ++i) {
        const double got = double(y[index(row * columns + i)]);
        CHECK(std::abs(got - std::exp(double(x[index(row * columns + i)])) / sum) < 1e-6);
        total += got;
      }
      CHECK(std::abs(total - 1) < 1e-5);
    }
  });
}

// A little network: a convolution, pooled; normalised, and added to itself; its mean.
void check_program(Random& random) {
  const Problem p{2, 3, 9, 11, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, true, false, true, false};
  const std::int64_t out = p.p() * p.q() * p.k, pooled = 4 * 5 * p.k;
  const Pool pool{2, p.k, 9, 11, 4, 5, 3, 3, 2, 2, 0, 0, 1, 1, true},
      mean{2, p.k, 4, 5, 1, 1, 4, 5, 1, 1, 0, 0, 1, 1, true};
  const ResponseNorm norm{2, p.k, 20, true, 2, 2, 2e-5, 0.75, 1.0};
  const Floats x = normal(random, 2 * 9 * 11 * 3), w = normal(random, p.k * 27), bias = normal(random, p.k);
  each_isa([&](const Kernels& kernels) {
    const Algorithm* const* table = kernels.algorithms;
    while ((*table)->refuses(p)) ++table;
    const Algorithm& algorithm = **table;
    Floats prepared(index(algorithm.prepared(p)));
    algorithm.prepare(p, {w.data(), 20 * 27, 27, 9, 3, 1}, prepared.data(), 1);
    // In the first memory one after the other; the input in the second, the output in the third.
    const Location of_input{1, 0}, first{0, 0}, second{0, 2 * out}, third{0, 2 * (out + pooled)}, of_output{2, 0};
    Program program;
    program.add(
        convolve({&algorithm, p, of_input, {}, first, prepared.data(), bias.data(), p.side_by_side()}, nullptr));
    program.add(max_pool(kernels, pool, first, second));
    program.add(response_norm(kernels, norm, second, third));
    const Source a{second, nullptr, pooled, p.k}, b{third, nullptr, pooled, p.k};
    program.add(map(kernels, {2, 20, p.k, a, {}, b, second, pooled, p.k}, nullptr));
    program.add(avg_pool(kernels, mean, {20, false, 0, 0}, second, of_output));
    CHECK(program.size() == 5);
    const auto run = [&](int threads, double* seconds) {
      Floats input = x, arena(index(2 * (out + 2 * pooled)), std::nanf(""));
      std::vector<std::byte> scratch(index(program.scratch_bytes(threads)));
      return floats(2 * p.k, [&](float* to) {
        float* const memories[] = {arena.data(), input.data(), to};
        program.run({memories, scratch.data(), threads}, seconds);
      });
    };
    double seconds[5] = {-1, -1, -1, -1, -1};
    const Floats y = run(1, seconds);
    for (const double each : seconds) CHECK(each >= 0);
    CHECK(same(run(2, nullptr), y));
    // The same, step by step.
    Floats one(index(2 * out)), two(index(2 * pooled)), three(two.size()), last(index(2 * p.k));
    std::vector<std::byte> scratch(index(algorithm.workspace(p, 1)));
    algorithm.run(p, {x.data(), bias.data(), nullptr, one.data(), p.side_by_side()}, prepared.data(), scratch.data(),
                  1);
    max_pool(kernels, pool, one.data(), two.data(), nullptr, 1);
    response_norm(kernels, norm, two.data(), three.data(), 1);
    for (std::size_t i = 0; i < two.size(); ++i) two[i] += three[i];
    avg_pool(kernels, mean, {20, false, 0, 0}, two.data(), last.data(), 1);
    CHECK(same(y, last));
  });
}

}  // namespace

int main() {
  Random random(0);
  check_activations();
  for (int i = 0; i < 60; ++i) check_affine(random);
  for (int i = 0; i < 10; ++i) check_softmax(random);
  check_program(random);
  std::printf("program_test: %d checks\n", checks);
}
