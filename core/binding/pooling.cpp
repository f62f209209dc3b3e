// Pooling and normalisation.
#include "binding.h"

#include "../contrast_norm.h"
#include "../isa.h"
#include "../pool.h"
#include "../response_norm.h"

void bind_pool(nb::module_& m) {
  using striate::Pool;
  nb::class_<Pool>(m, "Pool").def(
      "__init__",
      // `depth` as `Pool` has it: slices, positions, taps, stride, slices before the input, dilation.
      [](Pool* made, Four input, Pair positions, Pair taps, Pair stride, Pair before, Pair dilation, bool last,
         Six depth) {
        const auto [n, c, h, w] = input;
        const auto [d, o, t, stride_d, front, dilation_d] = depth;
        new (made) Pool{n,       c,         h,         w,         positions[0], positions[1], taps[0],
                        taps[1], stride[0], stride[1], before[0], before[1],    dilation[0],  dilation[1],
                        last,    d,         o,         t,         stride_d,     front,        dilation_d};
      },
      "x"_a, "positions"_a, "taps"_a, "stride"_a, "before"_a, "dilation"_a, "channels_last"_a,
      "depth"_a = Six{1, 1, 1, 1, 0, 1});
  m.def(
      "max_pool",
      [](const Pool& p, std::uintptr_t x, std::uintptr_t y, std::uintptr_t switches, int threads) {
        striate::max_pool(striate::chosen(), p, at<float>(x), at<float>(y), at<std::int64_t>(switches), threads);
      },
      "pool"_a, "x"_a, "y"_a, "switches"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "unpool",
      [](const Pool& p, std::uintptr_t y, std::uintptr_t switches, std::uintptr_t x, bool last_wins, int threads) {
        return striate::unpool(striate::chosen(), p, at<float>(y), at<std::int64_t>(switches), at<float>(x), last_wins,
                               threads);
      },
      "pool"_a, "y"_a, "switches"_a, "x"_a, "last_wins"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "pick",
      [](const Pool& p, std::uintptr_t x, std::uintptr_t switches, std::uintptr_t y, int threads) {
        striate::pick(p, at<float>(x), at<std::int64_t>(switches), at<float>(y), threads);
      },
      "pool"_a, "x"_a, "switches"_a, "y"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

// What a sum becomes a mean by: its divisor or 0, and whether padding counts, up to so much below and on the right.
static striate::Mean mean(Three divisor, bool padding) { return {divisor[0], padding, divisor[1], divisor[2]}; }

void bind_avg_pool(nb::module_& m) {
  using striate::Pool;
  m.def(
      "avg_pool",
      [](const Pool& p, Three divisor, bool padding, std::uintptr_t x, std::uintptr_t y, int threads) {
        striate::avg_pool(striate::chosen(), p, mean(divisor, padding), at<float>(x), at<float>(y), threads);
      },
      "pool"_a, "divisor"_a, "padding"_a, "x"_a, "y"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "avg_pool_gradient",
      [](const Pool& p, Three divisor, bool padding, std::uintptr_t y, std::uintptr_t x, int threads) {
        striate::avg_pool_gradient(striate::chosen(), p, mean(divisor, padding), at<float>(y), at<float>(x), threads);
      },
      "pool"_a, "divisor"_a, "padding"_a, "y"_a, "x"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

void bind_response_norm(nb::module_& m) {
  m.def(
      "response_norm",
      [](Three sizes, bool last, Pair around, std::array<double, 3> numbers, std::uintptr_t x, std::uintptr_t gradient,
         std::uintptr_t y, int threads) {
        const striate::ResponseNorm norm{sizes[0],  sizes[1],   sizes[2],   last,      around[0],
                                         around[1], numbers[0], numbers[1], numbers[2]};
        const striate::Kernels& kernels = striate::chosen();
        gradient
            ? striate::response_norm_gradient(kernels, norm, at<float>(x), at<float>(gradient), at<float>(y), threads)
            : striate::response_norm(kernels, norm, at<float>(x), at<float>(y), threads);
      },
      "sizes"_a, "channels_last"_a, "around"_a, "numbers"_a, "x"_a, "gradient"_a, "y"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}

void bind_contrast_norm(nb::module_& m) {
  m.def(
      "contrast_norm",
      [](Six sizes, bool pixels, std::vector<float> deep, std::vector<float> down, std::vector<float> across,
         bool subtractive, bool divisive, float threshold, std::uintptr_t x, std::uintptr_t gradient, std::uintptr_t y,
         int threads) {
        const auto [n, maps, d, h, w, groups] = sizes;
        const striate::ContrastNorm norm{n,
                                         maps,
                                         d,
                                         h,
                                         w,
                                         groups,
                                         pixels,
                                         deep.data(),
                                         down.data(),
                                         across.data(),
                                         std::int64_t(deep.size()),
                                         std::int64_t(down.size()),
                                         std::int64_t(across.size()),
                                         subtractive,
                                         divisive,
                                         threshold};
        striate::contrast_norm(striate::chosen(), norm, at<float>(x), at<float>(gradient), at<float>(y), threads);
      },
      "sizes"_a, "pixels"_a, "deep"_a, "down"_a, "across"_a, "subtractive"_a, "divisive"_a, "threshold"_a, "x"_a,
      "gradient"_a, "y"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}
