// Every algorithm of every instruction set that runs here, against the reference: values, every place that may be
// written and no other, the same bits whatever the batch and the threads.
//
// `conv_test SECONDS` goes on with random problems for as long.
#include "conv.h"
#include "check.h"
#include "isa.h"
#include "transpose.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace striate;

namespace {

using Random = std::mt19937;

std::vector<float> normal(Random& random, std::int64_t count) {
  std::normal_distribution<float> draw;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = draw(random);
  return values;
}

void print(const Problem& p) {
  const auto number = [](std::int64_t value) { return static_cast<long long>(value); };
  std::fprintf(stderr, "n%lld c%lld %lldx%lld k%lld %lldx%lld stride %lldx%lld padding %lld,%lld,%lld,%lld ",
               number(p.n), number(p.c), number(p.h), number(p.w), number(p.k), number(p.r), number(p.s),
               number(p.stride_h), number(p.stride_w), number(p.top), number(p.bottom), number(p.left),
               number(p.right));
  std::fprintf(stderr, "dilation %lldx%lld groups %lld bias %d residual %d relu %d\n", number(p.dilation_h),
               number(p.dilation_w), number(p.groups), p.bias, p.residual, p.relu);
}

// What is convolved: the same numbers for every algorithm.
struct Case {
  Problem problem;
  std::vector<float> x, w, bias, residual;
  Activation bend;
  const Activation* then;

  Case(const Problem& p, Random& random)
      : problem(p),
        x(normal(random, p.n * p.h * p.w * p.c)),
        w(normal(random, p.k * p.c_per_group() * p.r * p.s)),
        bias(normal(random, p.k)),
        residual(normal(random, p.n * p.p() * p.q() * p.k)),
        bend{Bend(random() % 11), -0.5f, 1.5f},
        then(random() % 3 ? nullptr : &bend) {}
  Case(const Case&) = delete;
};

// Numbers around a buffer, which nobody may write.
constexpr std::size_t guard = 32;
constexpr float untouched = 12345;

std::vector<float> run(const Algorithm& algorithm, const Case& c, int threads, std::int64_t image = -1) {
  Problem p = c.problem;
  const std::int64_t in = p.h * p.w * p.c, out = p.p() * p.q() * p.k;
  if (image >= 0) p.n = 1;
  const std::int64_t first = image < 0 ? 0 : image;
  std::vector<float> prepared(static_cast<std::size_t>(algorithm.prepared(p)), std::nanf(""));
  algorithm.prepare(
      p, {c.w.data(), p.k_per_group() * p.c_per_group() * p.r * p.s, p.c_per_group() * p.r * p.s, p.r * p.s, p.s, 1},
      prepared.data(), threads);
  for (const float value : prepared) CHECK(!std::isnan(value));
  std::vector<std::byte> scratch(static_cast<std::size_t>(algorithm.workspace(p, threads)), std::byte{0xff});  // NaN
  std::vector<float> y(static_cast<std::size_t>(p.n * out) + 2 * guard, untouched);
  for (std::size_t i = guard; i < y.size() - guard; ++i) y[i] = std::nanf("");
  algorithm.run(p,
                {c.x.data() + first * in, p.bias ? c.bias.data() : nullptr,
                 p.residual ? c.residual.data() + first * out : nullptr, y.data() + guard, p.side_by_side(), c.then},
                prepared.data(), scratch.data(), threads);
  for (std::size_t i = 0; i < guard; ++i) CHECK(y[i] == untouched && y[y.size() - 1 - i] == untouched);
  return {y.begin() + guard, y.end() - guard};
}

// The same with gaps between pixels, rows and images, which are left alone.
std::vector<float> run_apart(const Algorithm& algorithm, const Case& c, int threads) {
  const Problem& p = c.problem;
  const Apart apart{p.k + 3, (p.q() * 2 + 1) * (p.k + 3), (p.p() * 2 + 1) * (p.q() * 2 + 1) * (p.k + 3)};
  std::vector<float> prepared(static_cast<std::size_t>(algorithm.prepared(p)));
  const std::int64_t each = p.c_per_group() * p.r * p.s;
  algorithm.prepare(p, {c.w.data(), p.k_per_group() * each, each, p.r * p.s, p.s, 1}, prepared.data(), threads);
  std::vector<std::byte> scratch(static_cast<std::size_t>(algorithm.workspace(p, threads)), std::byte{0xff});
  std::vector<float> residual(std::size_t(p.n * apart.image + 1)), y(residual.size(), untouched), close;
  const Tensors t{c.x.data(), p.bias ? c.bias.data() : nullptr, p.residual ? residual.data() : nullptr, y.data(), apart,
                  c.then};
  const auto each_output = [&](const auto& act) {
    for (std::int64_t i = 0; i < p.n * p.p() * p.q(); ++i) {
      const std::int64_t row = i / p.q(), place = t.place(row / p.p(), row % p.p(), i % p.q());
      for (std::int64_t k = 0; k < p.k; ++k) act(std::size_t(place + k), std::size_t(i * p.k + k));
    }
  };
  each_output([&](std::size_t there, std::size_t here) { residual[there] = c.residual[here]; });
  algorithm.run(p, t, prepared.data(), scratch.data(), threads);
  each_output([&](std::size_t there, std::size_t) {
    close.push_back(y[there]);
    y[there] = untouched;
  });
  for (const float value : y) CHECK(value == untouched);
  return close;
}

// Root mean square of the error, against that of the sums.
double error(const std::vector<float>& got, const std::vector<float>& want) {
  double wrong = 0, all = 1e-30;
  for (std::size_t i = 0; i < want.size(); ++i) {
    wrong += std::pow(double(got[i]) - double(want[i]), 2);
    all += std::pow(double(want[i]), 2);
  }
  return std::sqrt(wrong / all);
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

std::vector<float> run(const WeightGradient& algorithm, const Case& c, int threads) {
  const Problem& p = c.problem;
  std::vector<std::byte> scratch(static_cast<std::size_t>(algorithm.workspace(p, threads)), std::byte{0xff});  // NaN
  std::vector<float> to(c.w.size() + 2 * guard, untouched);
  for (std::size_t i = guard; i < to.size() - guard; ++i) to[i] = std::nanf("");
  const std::int64_t each = p.c_per_group() * p.r * p.s;
  algorithm.run(p, c.x.data(), c.residual.data(), {to.data() + guard, p.k_per_group() * each, each, p.r * p.s, p.s, 1},
                scratch.data(), threads);
  for (std::size_t i = 0; i < guard; ++i) CHECK(to[i] == untouched && to[to.size() - 1 - i] == untouched);
  return {to.begin() + guard, to.end() - guard};
}

template <class Each>
const Each& last(const Each* const* table) {
  while (table[1]) ++table;
  return **table;
}

std::set<std::string> seen;  // the algorithms that were run, by instruction set

void check(const Case& c) {
  const std::vector<float> want = run(last(isas()[0].kernels->algorithms), c, 1);
  const std::vector<float> slope = run(last(isas()[0].kernels->weight_gradients), c, 1);
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    for (const Algorithm* const* a = isa.kernels->algorithms; *a; ++a) {
      if ((*a)->refuses(c.problem)) continue;
      seen.insert(isa.kernels->isa + std::string(" ") + (*a)->name);
      const std::vector<float> got = run(**a, c, 1);
      const double found = error(got, want);  // NaN where a place was left out
      // F(6x6) is for the class `fast`; rounding of the others stays below this for every size that is drawn here.
      const double bound = std::strcmp((*a)->name, "winograd-6x6") == 0 ? 1e-4 : 1e-5;
      if (!(found < bound)) {
        std::fprintf(stderr, "%s %s: error %g\n", isa.kernels->isa, (*a)->name, found);
        print(c.problem);
      }
      CHECK(found < bound);
      CHECK(same(run(**a, c, 2), got));
      CHECK(same(run_apart(**a, c, 2), got));
      const std::int64_t image = c.problem.n - 1;
      if (image > 0) {
        const std::vector<float> alone = run(**a, c, 3, image);
        CHECK(same(alone, {got.end() - std::ptrdiff_t(alone.size()), got.end()}));
      }
    }
    for (const WeightGradient* const* a = isa.kernels->weight_gradients; *a; ++a) {
      if ((*a)->refuses(c.problem)) continue;
      seen.insert(isa.kernels->isa + std::string(" gradient ") + (*a)->name);
      const std::vector<float> got = run(**a, c, 1);
      const double found = error(got, slope);
      if (!(found < 1e-5)) {
        std::fprintf(stderr, "gradient %s %s: error %g\n", isa.kernels->isa, (*a)->name, found);
        print(c.problem);
      }
      CHECK(found < 1e-5);
      CHECK(same(run(**a, c, 2), got));
    }
  }
}

Problem drawn(Random& random, int number) {
  const auto from = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (;;) {
    Problem p{};
    p.n = from(1, 3);
    p.groups = from(0, 3) ? 1 : from(1, 4);
    p.c = p.groups * from(1, 40);
    p.k = p.groups * from(1, 70);
    if (from(0, 5) == 0) p.c = p.groups = from(1, 70), p.k = p.c * from(1, 2);
    if (from(0, 5) == 0) p.groups = from(2, 9), p.c = p.k = p.groups << from(1, 3);
    if (from(0, 5) == 0) p.groups = 1, p.c = from(1, 8);
    p.h = from(1, 20), p.w = from(1, 20);
    p.r = from(0, 2) ? 3 : from(1, 7), p.s = from(0, 2) ? p.r : from(1, 7);
    p.stride_h = from(0, 2) ? 1 : from(1, 3), p.stride_w = from(0, 2) ? p.stride_h : from(1, 3);
    p.dilation_h = from(0, 3) ? 1 : from(1, 3), p.dilation_w = from(0, 3) ? p.dilation_h : from(1, 3);
    p.top = from(0, 4), p.bottom = from(0, 4), p.left = from(0, 4), p.right = from(0, 4);
    if (from(0, 9) == 0) p.top = -1, p.right = -1;
    if (from(0, 5) == 0) p.r = p.s = 1, p.top = p.bottom = p.left = p.right = 0;
    if (from(0, 7) == 0) {  // many tiles for Winograd's gradient
      p.h = from(16, 40), p.w = from(24, 40), p.n = from(2, 3), p.groups = 1, p.c = from(1, 20), p.k = from(1, 40);
      p.r = p.s = 3, p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = 1, p.top = p.left = from(0, 2);
    }
    if (number % 6 == 0) {  // kernels that few algorithms take, every one of them several times
      constexpr std::int64_t taps[][2] = {{1, 3}, {3, 1}, {2, 2}, {5, 5}};
      const auto& of = taps[number / 6 % 4];
      p.r = of[0], p.s = of[1], p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = p.groups = 1;
    }
    p.bias = from(0, 1), p.residual = from(0, 1), p.relu = from(0, 1);
    const bool fits =
        p.h + p.top + p.bottom > p.dilation_h * (p.r - 1) && p.w + p.left + p.right > p.dilation_w * (p.s - 1);
    if (fits && p.h + p.top > 0 && p.w + p.right > 0) return p;
  }
}

void check_transpose(Random& random) {
  const auto size = [&] { return std::uniform_int_distribution<std::int64_t>(1, 40)(random); };
  const std::int64_t matrices = size() % 3, rows = size(), columns = size();
  const std::vector<float> from = normal(random, matrices * rows * columns);
  std::vector<float> to(from.size() + 1, untouched);
  transpose(from.data(), to.data(), matrices, rows, columns, 2);
  for (std::int64_t i = 0; i < matrices * rows * columns; ++i) {
    const std::int64_t matrix = i / (rows * columns), row = i / columns % rows, column = i % columns;
    CHECK(to[std::size_t((matrix * columns + column) * rows + row)] == from[std::size_t(i)]);
  }
  CHECK(to.back() == untouched);
}

}  // namespace

int main(int count, char** words) {
  Random random(0);
  for (int i = 0; i < 60; ++i) check(Case(drawn(random, i), random));
  for (int i = 0; i < 20; ++i) check_transpose(random);
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    for (const Algorithm* const* a = isa.kernels->algorithms; *a; ++a)
      CHECK(seen.count(isa.kernels->isa + std::string(" ") + (*a)->name));
    for (const WeightGradient* const* a = isa.kernels->weight_gradients; *a; ++a)
      CHECK(seen.count(isa.kernels->isa + std::string(" gradient ") + (*a)->name));
  }
  // No examples: nothing is read or written.
  Problem none{0, 3, 8, 8, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, true, false, true};
  check(Case(none, random));
  const double seconds = count > 1 ? std::atof(words[1]) : 0;
  random.seed(count > 2 ? static_cast<unsigned>(std::atoi(words[2])) : 1);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < seconds; ++i)
    check(Case(drawn(random, i), random));
  std::printf("conv_test: %d checks\n", checks);
}
