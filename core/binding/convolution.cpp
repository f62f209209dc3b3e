// Convolution and the gradient of its kernels: tables of algorithms.
#include "binding.h"

#include "../conv.h"
#include "../depthwise_separable.h"
#include "../isa.h"

// Names of a table that ends with null, and why each of its algorithms refuses a problem.
template <class Each>
static void bind_table(nb::module_& m, const char* names, const char* refuses, const Each* const* (*table)()) {
  m.def(names, [table] {
    std::vector<std::string> found;
    for (const auto* const* each = table(); *each; ++each) found.emplace_back((*each)->name);
    return found;
  });
  m.def(
      refuses,
      [table](int which, const striate::Problem& problem) -> std::optional<std::string> {
        const char* reason = table()[which]->refuses(problem);
        return reason ? std::optional<std::string>(reason) : std::nullopt;
      },
      "algorithm"_a, "problem"_a, "Why it cannot compute this; None where it can.");
}

void bind_problem(nb::module_& m) {
  using striate::Problem;
  nb::class_<Problem>(m, "Problem")
      .def(
          "__init__",
          [](Problem* made, Four input, Three kernels, Pair stride, Four padding, Pair dilation, std::int64_t groups,
             bool bias, bool residual, bool relu) {
            const auto [n, c, h, w] = input;
            const auto [k, r, s] = kernels;
            const auto [top, bottom, left, right] = padding;
            new (made) Problem{n,      c,    h,     w,           k,           r,      s,    stride[0], stride[1], top,
                               bottom, left, right, dilation[0], dilation[1], groups, bias, residual,  relu};
          },
          "x"_a, "kernels"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "bias"_a = false, "residual"_a = false,
          "relu"_a = false)
      .def_prop_ro("output", [](const Problem& p) { return Four{p.n, p.k, p.p(), p.q()}; });
}

static const striate::Algorithm* const* algorithms() { return striate::chosen().algorithms; }

void bind_convolution(nb::module_& m) {
  using striate::Problem;
  using striate::Tensors;
  bind_table(m, "algorithms", "refuses", algorithms);
  m.def(
      "cost", [](int which, const Problem& p, int threads) { return algorithms()[which]->cost(p, threads); },
      "algorithm"_a, "problem"_a, "threads"_a);
  m.def(
      "prepared_floats", [](int which, const Problem& p) { return algorithms()[which]->prepared(p); }, "algorithm"_a,
      "problem"_a);
  m.def(
      "workspace_bytes",
      [](int which, const Problem& p, int threads) { return algorithms()[which]->workspace(p, threads); },
      "algorithm"_a, "problem"_a, "threads"_a);
  m.def(
      "prepare",
      [](int which, const Problem& p, std::uintptr_t weight, Five steps, std::uintptr_t to, int threads) {
        const auto [g, k, c, r, s] = steps;
        algorithms()[which]->prepare(p, {at<float>(weight), g, k, c, r, s}, at<float>(to), threads);
      },
      "algorithm"_a, "problem"_a, "weight"_a, "steps"_a, "to"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "run",
      [](int which, const Problem& p, std::uintptr_t x, std::uintptr_t prepared, std::uintptr_t bias,
         std::uintptr_t residual, std::uintptr_t y, std::uintptr_t scratch, int threads) {
        algorithms()[which]->run(p,
                                 {at<float>(x), at<float>(bias), at<float>(residual), at<float>(y), p.side_by_side()},
                                 at<float>(prepared), at<std::byte>(scratch), threads);
      },
      "algorithm"_a, "problem"_a, "x"_a, "prepared"_a, "bias"_a, "residual"_a, "y"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "run_apart",
      [](int which, const Problem& p, std::uintptr_t x, std::uintptr_t prepared, std::uintptr_t bias, std::uintptr_t y,
         bool add, Three apart, std::uintptr_t scratch, int threads) {
        const auto [pixel, row, image] = apart;
        const Tensors t{at<float>(x), at<float>(bias), add ? at<float>(y) : nullptr, at<float>(y), {pixel, row, image}};
        algorithms()[which]->run(p, t, at<float>(prepared), at<std::byte>(scratch), threads);
      },
      "algorithm"_a, "problem"_a, "x"_a, "prepared"_a, "bias"_a, "y"_a, "add"_a, "apart"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}

void bind_depthwise_separable(nb::module_& m) {
  using striate::Pass;
  using striate::Problem;
  m.def("depthwise_separable_scratch_bytes", &striate::depthwise_separable_scratch, "first"_a, "threads"_a);
  m.def(
      "depthwise_separable",
      [](std::array<int, 2> which, const Problem& first, const Problem& second, std::uintptr_t depthwise,
         std::uintptr_t pointwise, std::uintptr_t x, std::uintptr_t bias, std::uintptr_t y, std::uintptr_t scratch,
         int threads) {
        const Pass one{algorithms()[which[0]], first, at<float>(depthwise)};
        const Pass two{algorithms()[which[1]], second, at<float>(pointwise)};
        striate::depthwise_separable(one, two, at<float>(x), at<float>(bias), at<float>(y), at<std::byte>(scratch),
                                     threads);
      },
      "algorithms"_a, "first"_a, "second"_a, "depthwise"_a, "pointwise"_a, "x"_a, "bias"_a, "y"_a, "scratch"_a,
      "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

static const striate::WeightGradient* const* weight_gradients() { return striate::chosen().weight_gradients; }

void bind_weight_gradient(nb::module_& m) {
  using striate::Problem;
  bind_table(m, "weight_gradients", "weight_gradient_refuses", weight_gradients);
  m.def(
      "weight_gradient_cost",
      [](int which, const Problem& p, int threads) { return weight_gradients()[which]->cost(p, threads); },
      "algorithm"_a, "problem"_a, "threads"_a);
  m.def(
      "weight_gradient_workspace_bytes",
      [](int which, const Problem& p, int threads) { return weight_gradients()[which]->workspace(p, threads); },
      "algorithm"_a, "problem"_a, "threads"_a);
  m.def(
      "weight_gradient",
      [](int which, const Problem& p, std::uintptr_t x, std::uintptr_t gradient, std::uintptr_t to, Five steps,
         std::uintptr_t scratch, int threads) {
        const auto [g, k, c, r, s] = steps;
        weight_gradients()[which]->run(p, at<float>(x), at<float>(gradient), {at<float>(to), g, k, c, r, s},
                                       at<std::byte>(scratch), threads);
      },
      "algorithm"_a, "problem"_a, "x"_a, "gradient"_a, "to"_a, "steps"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}
