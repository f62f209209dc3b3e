// Every algorithm of every instruction set that runs here, of floats and of doubles, against the reference: values,
// every place that may be written and no other, the same bits whatever the batch and the threads.
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

template <class Number>
using Numbers = std::vector<Number>;

template <class Number>
Numbers<Number> normal(Random& random, std::int64_t count) {
  std::normal_distribution<Number> draw;
  Numbers<Number> values(static_cast<std::size_t>(count));
  for (Number& value : values) value = draw(random);
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
template <class Number>
struct Case {
  Problem problem;
  Numbers<Number> x, w, bias, residual;
  Activation bend;
  const Activation* then;  // of floats alone

  Case(const Problem& p, Random& random)
      : problem(p),
        x(normal<Number>(random, p.n * p.h * p.w * p.c)),
        w(normal<Number>(random, p.k * p.c_per_group() * p.r * p.s)),
        bias(normal<Number>(random, p.k)),
        residual(normal<Number>(random, p.n * p.p() * p.q() * p.k)),
        bend{Bend(random() % 11), -0.5f, 1.5f},
        then(sizeof(Number) == sizeof(double) || random() % 3 ? nullptr : &bend) {}
  Case(const Case&) = delete;
};

// Numbers around a buffer, which nobody may write.
constexpr std::size_t guard = 32;
constexpr int untouched = 12345;

template <class Number>
Numbers<Number> run(const AlgorithmOf<Number>& algorithm, const Case<Number>& c, int threads, std::int64_t image = -1) {
  Problem p = c.problem;
  const std::int64_t in = p.h * p.w * p.c, out = p.p() * p.q() * p.k;
  if (image >= 0) p.n = 1;
  const std::int64_t first = image < 0 ? 0 : image;
  Numbers<Number> prepared(static_cast<std::size_t>(algorithm.prepared(p)), Number(std::nan("")));
  algorithm.prepare(
      p, {c.w.data(), p.k_per_group() * p.c_per_group() * p.r * p.s, p.c_per_group() * p.r * p.s, p.r * p.s, p.s, 1},
      prepared.data(), threads);
  for (const Number value : prepared) CHECK(!std::isnan(value));
  std::vector<std::byte> scratch(static_cast<std::size_t>(algorithm.workspace(p, threads)), std::byte{0xff});  // NaN
  Numbers<Number> y(static_cast<std::size_t>(p.n * out) + 2 * guard, Number(untouched));
  for (std::size_t i = guard; i < y.size() - guard; ++i) y[i] = Number(std::nan(""));
  algorithm.run(p,
                {c.x.data() + first * in, p.bias ? c.bias.data() : nullptr,
                 p.residual ? c.residual.data() + first * out : nullptr, y.data() + guard, p.side_by_side(), c.then},
                prepared.data(), scratch.data(), threads);
  for (std::size_t i = 0; i < guard; ++i) CHECK(y[i] == untouched && y[y.size() - 1 - i] == Number(untouched));
  return {y.begin() + guard, y.end() - guard};
}

// The same with gaps between pixels, rows and images, which are left alone.
template <class Number>
Numbers<Number> run_apart(const AlgorithmOf<Number>& algorithm, const Case<Number>& c, int threads) {
  const Problem& p = c.problem;
  const Apart apart{p.k + 3, (p.q() * 2 + 1) * (p.k + 3), (p.p() * 2 + 1) * (p.q() * 2 + 1) * (p.k + 3)};
  Numbers<Number> prepared(static_cast<std::size_t>(algorithm.prepared(p)));
  const std::int64_t each = p.c_per_group() * p.r * p.s;
  algorithm.prepare(p, {c.w.data(), p.k_per_group() * each, each, p.r * p.s, p.s, 1}, prepared.data(), threads);
  std::vector<std::byte> scratch(static_cast<std::size_t>(algorithm.workspace(p, threads)), std::byte{0xff});
  Numbers<Number> residual(std::size_t(p.n * apart.image + 1)), y(residual.size(), Number(untouched)), close;
  const TensorsOf<Number> t{
      c.x.data(), p.bias ? c.bias.data() : nullptr, p.residual ? residual.data() : nullptr, y.data(), apart, c.then};
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
  for (const Number value : y) CHECK(value == Number(untouched));
  return close;
}

// Root mean square of the error, against that of the sums.
template <class Number>
double error(const Numbers<Number>& got, const Numbers<Number>& want) {
  double wrong = 0, all = 1e-30;
  for (std::size_t i = 0; i < want.size(); ++i) {
    wrong += std::pow(double(got[i]) - double(want[i]), 2);
    all += std::pow(double(want[i]), 2);
  }
  return std::sqrt(wrong / all);
}

template <class Number>
bool same(const Numbers<Number>& a, const Numbers<Number>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Number)) == 0);
}

template <class Number>
Numbers<Number> run(const WeightGradientOf<Number>& algorithm, const Case<Number>& c, int threads) {
  const Problem& p = c.problem;
  std::vector<std::byte> scratch(static_cast<std::size_t>(algorithm.workspace(p, threads)), std::byte{0xff});  // NaN
  Numbers<Number> to(c.w.size() + 2 * guard, Number(untouched));
  for (std::size_t i = guard; i < to.size() - guard; ++i) to[i] = Number(std::nan(""));
  const std::int64_t each = p.c_per_group() * p.r * p.s;
  algorithm.run(p, c.x.data(), c.residual.data(), {to.data() + guard, p.k_per_group() * each, each, p.r * p.s, p.s, 1},
                scratch.data(), threads);
  for (std::size_t i = 0; i < guard; ++i) CHECK(to[i] == untouched && to[to.size() - 1 - i] == Number(untouched));
  return {to.begin() + guard, to.end() - guard};
}

template <class Each>
const Each& last(const Each* const* table) {
  while (table[1]) ++table;
  return **table;
}

// The tables of an instruction set, by their numbers.
const Algorithm* const* convolutions(const Isa& isa, float) { return isa.kernels->algorithms; }
const AlgorithmOf<double>* const* convolutions(const Isa& isa, double) { return isa.kernels->algorithms_of_doubles; }
const WeightGradient* const* gradients(const Isa& isa, float) { return isa.kernels->weight_gradients; }
const WeightGradientOf<double>* const* gradients(const Isa& isa, double) {
  return isa.kernels->weight_gradients_of_doubles;
}

std::set<const void*> seen;  // the algorithms that were run

template <class Number>
void check(const Case<Number>& c) {
  // Rounding of all but F(6x6), which is for the class `fast`, stays below this for every size that is drawn here.
  constexpr double digits = double(std::numeric_limits<Number>::epsilon()), most = 84 * digits;
  const Numbers<Number> want = run(last(convolutions(isas()[0], Number{})), c, 1);
  const Numbers<Number> slope = run(last(gradients(isas()[0], Number{})), c, 1);
  const auto check_error = [&](double found, double bound, const Isa& isa, const char* direction, const char* name) {
    if (!(found < bound)) {  // NaN where a place was left out
      std::fprintf(stderr, "%s%s %s, %d bytes: error %g\n", direction, isa.kernels->isa, name, int(sizeof(Number)),
                   found);
      print(c.problem);
    }
    CHECK(found < bound);
  };
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    for (const auto* const* a = convolutions(isa, Number{}); *a; ++a) {
      if ((*a)->refuses(c.problem)) continue;
      seen.insert(*a);
      const Numbers<Number> got = run(**a, c, 1);
      const bool fast = std::strcmp((*a)->name, "winograd-6x6") == 0;
      check_error(error(got, want), fast ? 10 * most : most, isa, "", (*a)->name);
      CHECK(same(run(**a, c, 2), got));
      CHECK(same(run_apart(**a, c, 2), got));
      const std::int64_t image = c.problem.n - 1;
      if (image > 0) {
        const Numbers<Number> alone = run(**a, c, 3, image);
        CHECK(same(alone, {got.end() - std::ptrdiff_t(alone.size()), got.end()}));
      }
    }
    for (const auto* const* a = gradients(isa, Number{}); *a; ++a) {
      if ((*a)->refuses(c.problem)) continue;
      seen.insert(*a);
      const Numbers<Number> got = run(**a, c, 1);
      check_error(error(got, slope), most, isa, "gradient ", (*a)->name);
      CHECK(same(run(**a, c, 2), got));
    }
  }
}

template <class Number>
void check_seen() {
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    for (const auto* const* a = convolutions(isa, Number{}); *a; ++a) CHECK(seen.count(*a));
    for (const auto* const* a = gradients(isa, Number{}); *a; ++a) CHECK(seen.count(*a));
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
    p.r = from(0, 2) ? 3 : from(1, 7), p.s = from(0, 2) ? p.r : from(1, from(0, 2) ? 7 : 13);
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

template <class Number>
void check_transpose(Random& random) {
  const auto size = [&] { return std::uniform_int_distribution<std::int64_t>(1, 40)(random); };
  const std::int64_t matrices = size() % 3, rows = size(), columns = size();
  const Numbers<Number> from = normal<Number>(random, matrices * rows * columns);
  Numbers<Number> to(from.size() + 1, Number(untouched));
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
  const auto check_drawn = [&](int i) {
    const Problem p = drawn(random, i);
    check(Case<float>(p, random));
    check(Case<double>(p, random));
  };
  for (int i = 0; i < 60; ++i) check_drawn(i);
  for (int i = 0; i < 20; ++i) {
    check_transpose<float>(random);
    check_transpose<double>(random);
  }
  check_seen<float>();
  check_seen<double>();
  // No examples: nothing is read or written.
  const Problem none{0, 3, 8, 8, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, true, false, true, false};
  check(Case<float>(none, random));
  check(Case<double>(none, random));
  const double seconds = count > 1 ? std::atof(words[1]) : 0;
  random.seed(count > 2 ? static_cast<unsigned>(std::atoi(words[2])) : 1);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < seconds; ++i)
    check_drawn(i);
  std::printf("conv_test: %d checks\n", checks);
}
