// Convolution with kernels that depend on the position.

#include "binding.h"

#include "../isa.h"
#include "../unshared.h"

void bind_unshared(nb::module_& m) {
  using striate::Axis;
  using striate::Unshared;
  // Of an axis: size, positions, kernels, taps, stride, before, dilation. Steps of the image and of the output, in
  // floats: of an image, a channel, and each axis.
  nb::class_<Unshared>(m, "Unshared")
      .def(
          "__init__",
          [](Unshared* made, Four sizes, std::array<std::array<std::int64_t, 7>, 3> axes, Five x, Five y) {
            const auto [n, groups, c, k] = sizes;
            Unshared found{n, groups, c, k, x[0], x[1], y[0], y[1], {}};
            for (std::size_t i = 0; i < axes.size(); ++i) {
              const auto [size, positions, kernels, taps, stride, before, dilation] = axes[i];
              found.axes[i] = Axis{size, positions, kernels, taps, stride, before, dilation, x[i + 2], y[i + 2]};
            }
            new (made) Unshared(found);
          },
          "sizes"_a, "axes"_a, "x"_a, "y"_a)
      .def(
          "workspace_bytes",
          [](const Unshared& u, int threads) { return unshared_workspace(striate::chosen(), u, threads); },
          "threads"_a);
  m.def(
      "unshared",
      [](const Unshared& u, std::uintptr_t x, std::uintptr_t w, std::uintptr_t y, std::uintptr_t scratch, int threads) {
        striate::unshared(striate::chosen(), u, at<float>(x), at<float>(w), at<float>(y), at<std::byte>(scratch),
                          threads);
      },
      "problem"_a, "x"_a, "weight"_a, "y"_a, "scratch"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "unshared_input_gradient",
      [](const Unshared& u, std::uintptr_t y, std::uintptr_t w, std::uintptr_t x, std::uintptr_t scratch, int threads) {
        striate::unshared_input_gradient(striate::chosen(), u, at<float>(y), at<float>(w), at<float>(x),
                                         at<std::byte>(scratch), threads);
      },
      "problem"_a, "y"_a, "weight"_a, "x"_a, "scratch"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "unshared_weight_gradient",
      [](const Unshared& u, std::uintptr_t x, std::uintptr_t y, std::uintptr_t w, std::uintptr_t scratch, int threads) {
        striate::unshared_weight_gradient(striate::chosen(), u, at<float>(x), at<float>(y), at<float>(w),
                                          at<std::byte>(scratch), threads);
      },
      "problem"_a, "x"_a, "y"_a, "weight"_a, "scratch"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}
