// Convolution and the gradient of its kernels: tables of algorithms.
#include "binding.h"

#include "../conv.h"
#include "../depthwise_separable.h"
#include "../isa.h"

using striate::Problem;

static const striate::Kernels& kernels() { return striate::chosen(); }

// The tables, by the numbers of which their algorithms are: the same names, in the same order.
static const striate::AlgorithmOf<float>* algorithm(float, int which) { return kernels().algorithms[which]; }
static const striate::AlgorithmOf<double>* algorithm(double, int which) {
  return kernels().algorithms_of_doubles[which];
}
static const striate::WeightGradientOf<float>* weight_gradient(float, int which) {
  return kernels().weight_gradients[which];
}
static const striate::WeightGradientOf<double>* weight_gradient(double, int which) {
  return kernels().weight_gradients_of_doubles[which];
}

// Call `work` with a number of the kind that a problem has.
template <class Work>
static auto with_numbers(const Problem& p, const Work& work) {
  return p.doubles ? work(double{}) : work(float{});
}

// Names of a table that ends with null.
template <class Each>
static std::vector<std::string> names(const Each* const* table) {
  std::vector<std::string> found;
  for (; *table; ++table) found.emplace_back((*table)->name);
  return found;
}

// What an algorithm of either table says of a problem.
template <class Find>
static void bind_answers(nb::module_& m, const std::string& of, const Find& find) {
  m.def((of + "refuses").c_str(),
        [find](int which, const Problem& p) -> std::optional<std::string> {
          const char* reason = with_numbers(p, [&](auto number) { return find(number, which)->refuses(p); });
          return reason ? std::optional<std::string>(reason) : std::nullopt;
        },
        "algorithm"_a, "problem"_a, "Why it cannot compute this; None where it can.");
  m.def((of + "cost").c_str(),
        [find](int which, const Problem& p, int threads) {
          return with_numbers(p, [&](auto number) { return find(number, which)->cost(p, threads); });
        },
        "algorithm"_a, "problem"_a, "threads"_a);
  m.def((of + "workspace_bytes").c_str(),
        [find](int which, const Problem& p, int threads) {
          return with_numbers(p, [&](auto number) { return find(number, which)->workspace(p, threads); });
        },
        "algorithm"_a, "problem"_a, "threads"_a);
}

void bind_problem(nb::module_& m) {
  nb::class_<Problem>(m, "Problem")
      .def(
          "__init__",
          [](Problem* made, Four input, Three kernels, Pair stride, Four padding, Pair dilation, std::int64_t groups,
             bool bias, bool residual, bool relu, bool doubles) {
            const auto [n, c, h, w] = input;
            const auto [k, r, s] = kernels;
            const auto [top, bottom, left, right] = padding;
            new (made)
                Problem{n,      c,    h,     w,           k,           r,      s,    stride[0], stride[1], top,
                        bottom, left, right, dilation[0], dilation[1], groups, bias, residual,  relu,      doubles};
          },
          "x"_a, "kernels"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "bias"_a = false, "residual"_a = false,
          "relu"_a = false, "doubles"_a = false)
      .def_prop_ro("output", [](const Problem& p) { return Four{p.n, p.k, p.p(), p.q()}; });
}

void bind_convolution(nb::module_& m) {
  m.def("algorithms", [] { return names(kernels().algorithms); });
  bind_answers(m, "", [](auto number, int which) { return algorithm(number, which); });
  m.def(
      "prepared_numbers",
      [](int which, const Problem& p) {
        return with_numbers(p, [&](auto number) { return algorithm(number, which)->prepared(p); });
      },
      "algorithm"_a, "problem"_a);
  m.def(
      "prepare",
      [](int which, const Problem& p, std::uintptr_t weight, Five steps, std::uintptr_t to, int threads) {
        with_numbers(p, [&]<class Number>(Number number) {
          algorithm(number, which)
              ->prepare(p, {at<Number>(weight), steps[0], steps[1], steps[2], steps[3], steps[4]}, at<Number>(to),
                        threads);
        });
      },
      "algorithm"_a, "problem"_a, "weight"_a, "steps"_a, "to"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "run",
      [](int which, const Problem& p, std::uintptr_t x, std::uintptr_t prepared, std::uintptr_t bias,
         std::uintptr_t residual, std::uintptr_t y, std::uintptr_t scratch, int threads) {
        with_numbers(p, [&]<class Number>(Number number) {
          const striate::TensorsOf<Number> t{at<Number>(x), at<Number>(bias), at<Number>(residual), at<Number>(y),
                                             p.side_by_side()};
          algorithm(number, which)->run(p, t, at<Number>(prepared), at<std::byte>(scratch), threads);
        });
      },
      "algorithm"_a, "problem"_a, "x"_a, "prepared"_a, "bias"_a, "residual"_a, "y"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "run_apart",
      [](int which, const Problem& p, std::uintptr_t x, std::uintptr_t prepared, std::uintptr_t bias, std::uintptr_t y,
         bool add, Three apart, std::uintptr_t scratch, int threads) {
        with_numbers(p, [&]<class Number>(Number number) {
          const striate::TensorsOf<Number> t{at<Number>(x),
                                             at<Number>(bias),
                                             add ? at<Number>(y) : nullptr,
                                             at<Number>(y),
                                             {apart[0], apart[1], apart[2]}};
          algorithm(number, which)->run(p, t, at<Number>(prepared), at<std::byte>(scratch), threads);
        });
      },
      "algorithm"_a, "problem"_a, "x"_a, "prepared"_a, "bias"_a, "y"_a, "add"_a, "apart"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}

// Volumes, slices that are read and written, planes, and slices of zeros before the first.
static striate::Deep deep(const Five& sizes) { return {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]}; }

void bind_deep_convolution(nb::module_& m) {
  m.def(
      "deep_refuses",
      [](int which, const Problem& p, Five sizes) -> std::optional<std::string> {
        return with_numbers(p, [&](auto number) -> std::optional<std::string> {
          const auto* way = algorithm(number, which)->deep;
          const char* reason = way ? way->refuses(p, deep(sizes)) : "it takes a plane at a time";
          return reason ? std::optional<std::string>(reason) : std::nullopt;
        });
      },
      "algorithm"_a, "slice"_a, "sizes"_a, "Why it cannot take all planes at once; None where it can.");
  m.def(
      "deep_cost",
      [](int which, const Problem& p, Five sizes) {
        return with_numbers(p, [&](auto number) { return algorithm(number, which)->deep->cost(p, deep(sizes)); });
      },
      "algorithm"_a, "slice"_a, "sizes"_a);
  m.def(
      "deep_workspace_bytes",
      [](int which, const Problem& p, Five sizes, int threads) {
        return with_numbers(
            p, [&](auto number) { return algorithm(number, which)->deep->workspace(p, deep(sizes), threads); });
      },
      "algorithm"_a, "slice"_a, "sizes"_a, "threads"_a);
  m.def(
      "run_deep",
      [](int which, const Problem& p, Five sizes, std::uintptr_t x, const std::vector<std::uintptr_t>& prepared,
         std::uintptr_t bias, std::uintptr_t y, std::uintptr_t scratch, int threads) {
        with_numbers(p, [&]<class Number>(Number number) {
          std::vector<const Number*> planes;
          for (const std::uintptr_t plane : prepared) planes.push_back(at<Number>(plane));
          const striate::TensorsOf<Number> t{at<Number>(x), at<Number>(bias), nullptr, at<Number>(y), p.side_by_side()};
          algorithm(number, which)->deep->run(p, deep(sizes), t, planes.data(), at<std::byte>(scratch), threads);
        });
      },
      "algorithm"_a, "slice"_a, "sizes"_a, "x"_a, "prepared"_a, "bias"_a, "y"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}

void bind_depthwise_separable(nb::module_& m) {
  using striate::Pass;
  m.def("depthwise_separable_scratch_bytes", &striate::depthwise_separable_scratch, "first"_a, "threads"_a);
  m.def(
      "depthwise_separable",
      [](std::array<int, 2> which, const Problem& first, const Problem& second, std::uintptr_t depthwise,
         std::uintptr_t pointwise, std::uintptr_t x, std::uintptr_t bias, std::uintptr_t y, std::uintptr_t scratch,
         int threads) {
        const Pass one{algorithm(float{}, which[0]), first, at<float>(depthwise)};
        const Pass two{algorithm(float{}, which[1]), second, at<float>(pointwise)};
        striate::depthwise_separable(one, two, at<float>(x), at<float>(bias), at<float>(y), at<std::byte>(scratch),
                                     threads);
      },
      "algorithms"_a, "first"_a, "second"_a, "depthwise"_a, "pointwise"_a, "x"_a, "bias"_a, "y"_a, "scratch"_a,
      "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

void bind_weight_gradient(nb::module_& m) {
  m.def("weight_gradients", [] { return names(kernels().weight_gradients); });
  bind_answers(m, "weight_gradient_", [](auto number, int which) { return weight_gradient(number, which); });
  m.def(
      "weight_gradient",
      [](int which, const Problem& p, std::uintptr_t x, std::uintptr_t gradient, std::uintptr_t to, Five steps,
         std::uintptr_t scratch, int threads) {
        with_numbers(p, [&]<class Number>(Number number) {
          weight_gradient(number, which)
              ->run(p, at<Number>(x), at<Number>(gradient),
                    {at<Number>(to), steps[0], steps[1], steps[2], steps[3], steps[4]}, at<std::byte>(scratch),
                    threads);
        });
      },
      "algorithm"_a, "problem"_a, "x"_a, "gradient"_a, "to"_a, "steps"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}
