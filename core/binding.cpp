// The door to Python: addresses, sizes and plain values go through; nothing is computed here.
#include "contrast_norm.h"
#include "conv.h"
#include "denormals.h"
#include "isa.h"
#include "machine.h"
#include "overlap.h"
#include "pages.h"
#include "peak.h"
#include "pool.h"
#include "products.h"
#include "response_norm.h"
#include "transpose.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using nb::literals::operator""_a;

namespace {

void bind_machine(nb::module_& m) {
  using striate::Cache, striate::Machine;
  nb::class_<Cache>(m, "Cache")
      .def_ro("level", &Cache::level)
      .def_ro("kind", &Cache::kind)
      .def_ro("size_bytes", &Cache::size_bytes)
      .def_ro("line_bytes", &Cache::line_bytes)
      .def_ro("shared_by", &Cache::shared_by);
  nb::class_<Machine>(m, "Machine")
      .def_ro("processor", &Machine::processor)
      .def_ro("architecture", &Machine::architecture)
      .def_ro("instruction_sets", &Machine::instruction_sets)
      .def_ro("caches", &Machine::caches)
      .def_ro("logical_cores", &Machine::logical_cores)
      .def_ro("usable_cores", &Machine::usable_cores)
      .def_ro("quota_cores", &Machine::quota_cores)
      .def_ro("memory_bytes", &Machine::memory_bytes);
  m.def("machine", &striate::machine);
}

void bind_isa(nb::module_& m) {
  m.def(
      "isas",
      [] {
        std::vector<std::pair<std::string, std::string>> table;
        for (const striate::Isa& isa : striate::isas()) table.emplace_back(isa.name, isa.refuses());
        return table;
      },
      "Instruction sets, best first, each with why it cannot run.");
  m.def("forced_isa", [] { return striate::choice().forced; }, "What STRIATE_ISA said when this was loaded, or \"\".");
  m.def(
      "chosen_isa",
      [] {
        const striate::Kernels* kernels = striate::choice().kernels;
        return kernels ? std::optional<std::string>(kernels->isa) : std::nullopt;
      },
      "Whose kernels run; None where the forced set cannot.");
}

void bind_peak(nb::module_& m) {
  using striate::Rate;
  nb::class_<Rate>(m, "Rate").def_ro("per_second", &Rate::per_second).def_ro("threads", &Rate::threads);
  m.def("read_buffer_bytes", &striate::read_buffer_bytes);
  m.def(
      "measure_multiply_adds", [](int threads) { return striate::measure_multiply_adds(striate::chosen(), threads); },
      "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "measure_reads",
      [](int threads, std::int64_t size) { return striate::measure_reads(striate::chosen(), threads, size); },
      "threads"_a, "size_bytes"_a, nb::call_guard<nb::gil_scoped_release>());
}

// Addresses come as numbers: who calls answers for what lies there.
void bind_products(nb::module_& m) {
  m.def(
      "multiply",
      [](std::uintptr_t left, std::uintptr_t right, std::uintptr_t out, std::vector<std::int64_t> matrix_at,
         std::int64_t rows, std::vector<std::int64_t> depth_at, std::vector<std::int64_t> column_at, int threads) {
        const striate::Kernels& kernels = striate::chosen();
        const striate::Product first{reinterpret_cast<const float*>(left),
                                     reinterpret_cast<const float*>(right),
                                     depth_at.data(),
                                     column_at.data(),
                                     reinterpret_cast<float*>(out),
                                     rows,
                                     std::int64_t(depth_at.size()),
                                     std::int64_t(column_at.size())};
        striate::multiply(kernels, {first, matrix_at.data(), std::int64_t(matrix_at.size())}, threads);
      },
      "left"_a, "right"_a, "out"_a, "matrix_at"_a, "rows"_a, "depth_at"_a, "column_at"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}

template <class T>
T* at(std::uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

using Pair = std::array<std::int64_t, 2>;
using Three = std::array<std::int64_t, 3>;
using Four = std::array<std::int64_t, 4>;
using Five = std::array<std::int64_t, 5>;

// Steps are in floats, of a group, a row or column, and the depth or a column.
void bind_spectra(nb::module_& m) {
  using striate::SpectralProduct, striate::SpectralRight;
  m.def(
      "spectral_right",
      [](std::int64_t groups, std::int64_t columns, std::int64_t depth, std::int64_t frequencies) {
        return striate::chosen().spectral_right(groups, columns, depth, frequencies);
      },
      "groups"_a, "columns"_a, "depth"_a, "frequencies"_a, "How many floats a packed right side takes.");
  m.def(
      "pack_spectra",
      [](std::uintptr_t from, std::uintptr_t to, Four sizes, Three steps, bool conjugate, int threads) {
        const auto [groups, columns, depth, frequencies] = sizes;
        striate::chosen().pack_spectra(
            {at<float>(from), groups, columns, depth, frequencies, steps[0], steps[1], steps[2], conjugate},
            at<float>(to), threads);
      },
      "from_"_a, "to"_a, "sizes"_a, "steps"_a, "conjugate"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "spectral_workspace",
      [](Five sizes) {
        const auto [groups, rows, columns, depth, frequencies] = sizes;
        return striate::chosen().spectral_workspace(
            {nullptr, nullptr, nullptr, groups, rows, columns, depth, frequencies, 0, 0, 0, 0, 0, 0, false});
      },
      "sizes"_a, "Bytes of scratch, for each thread.");
  m.def(
      "spectral_product",
      [](std::uintptr_t left, std::uintptr_t right, std::uintptr_t out, Five sizes, Three left_steps, Three out_steps,
         bool add, std::uintptr_t scratch, int threads) {
        const auto [groups, rows, columns, depth, frequencies] = sizes;
        const SpectralProduct product{at<float>(left),
                                      at<float>(right),
                                      at<float>(out),
                                      groups,
                                      rows,
                                      columns,
                                      depth,
                                      frequencies,
                                      left_steps[0],
                                      left_steps[1],
                                      left_steps[2],
                                      out_steps[0],
                                      out_steps[1],
                                      out_steps[2],
                                      add};
        striate::chosen().spectral_product(product, at<std::byte>(scratch), threads);
      },
      "left"_a, "right"_a, "out"_a, "sizes"_a, "left_steps"_a, "out_steps"_a, "add"_a, "scratch"_a, "threads"_a,
      nb::call_guard<nb::gil_scoped_release>());
}

void bind_overlap(nb::module_& m) {
  using striate::Overlap;
  nb::class_<Overlap>(m, "Overlap")
      .def(
          "__init__",
          [](Overlap* made, Three planes, Three tiles, Pair step, Pair before, Pair window, Pair size) {
            new (made) Overlap{planes[0], planes[1], planes[2], tiles[0],  tiles[1],  tiles[2], step[0],
                               step[1],   before[0], before[1], window[0], window[1], size[0],  size[1]};
          },
          "planes"_a, "tiles"_a, "step"_a, "before"_a, "window"_a, "size"_a);
  m.def(
      "cut",
      [](const Overlap& o, std::uintptr_t from, std::uintptr_t to, std::int64_t images, int threads) {
        striate::cut(o, at<float>(from), at<float>(to), images, threads);
      },
      "overlap"_a, "from_"_a, "to"_a, "images"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "unfold",
      [](std::uintptr_t spectra, std::uintptr_t to, std::int64_t count, Pair size, int threads) {
        striate::unfold(at<float>(spectra), at<float>(to), count, size[0], size[1], threads);
      },
      "spectra"_a, "to"_a, "count"_a, "size"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "put",
      [](const Overlap& o, std::uintptr_t spectra, std::uintptr_t offset, std::uintptr_t to, std::int64_t images,
         int threads) { striate::put(o, at<float>(spectra), at<float>(offset), at<float>(to), images, threads); },
      "overlap"_a, "spectra"_a, "offset"_a, "to"_a, "images"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

// Names of a table that ends with null, and why each of its algorithms refuses a problem.
template <class Each>
void bind_table(nb::module_& m, const char* names, const char* refuses, const Each* const* (*table)()) {
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

void bind_transpose(nb::module_& m) {
  m.def(
      "transpose",
      [](std::uintptr_t from, std::uintptr_t to, std::int64_t matrices, std::int64_t rows, std::int64_t columns,
         int threads) { striate::transpose(at<float>(from), at<float>(to), matrices, rows, columns, threads); },
      "from_"_a, "to"_a, "matrices"_a, "rows"_a, "columns"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

void bind_pages(nb::module_& m) {
  m.def(
      "prefer_large_pages",
      [](std::uintptr_t from, std::size_t bytes) { striate::prefer_large_pages(at<std::byte>(from), bytes); },
      "from_"_a, "bytes"_a);
}

void bind_denormals(nb::module_& m) {
  m.def("begin_flushing", &striate::begin_flushing, "threads"_a, "Take denormal numbers for zero from here on.");
  m.def("end_flushing", &striate::end_flushing, "threads"_a);
}

const striate::Algorithm* const* algorithms() { return striate::chosen().algorithms; }

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

const striate::WeightGradient* const* weight_gradients() { return striate::chosen().weight_gradients; }

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

void bind_pool(nb::module_& m) {
  using striate::Pool;
  nb::class_<Pool>(m, "Pool").def(
      "__init__",
      [](Pool* made, Four input, Pair positions, Pair taps, Pair stride, Pair before, Pair dilation, bool last) {
        const auto [n, c, h, w] = input;
        new (made) Pool{n,         c,         h,         w,         positions[0], positions[1], taps[0], taps[1],
                        stride[0], stride[1], before[0], before[1], dilation[0],  dilation[1],  last};
      },
      "x"_a, "positions"_a, "taps"_a, "stride"_a, "before"_a, "dilation"_a, "channels_last"_a);
  m.def(
      "max_pool",
      [](const Pool& p, std::uintptr_t x, std::uintptr_t y, std::uintptr_t switches, int threads) {
        striate::max_pool(striate::chosen(), p, at<float>(x), at<float>(y), at<std::int64_t>(switches), threads);
      },
      "pool"_a, "x"_a, "y"_a, "switches"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "unpool",
      [](const Pool& p, std::uintptr_t y, std::uintptr_t switches, std::uintptr_t x, bool last_wins, int threads) {
        striate::unpool(striate::chosen(), p, at<float>(y), at<std::int64_t>(switches), at<float>(x), last_wins,
                        threads);
      },
      "pool"_a, "y"_a, "switches"_a, "x"_a, "last_wins"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

// What a sum becomes a mean by: its divisor or 0, and whether padding counts, up to so much below and on the right.
striate::Mean mean(Three divisor, bool padding) { return {divisor[0], padding, divisor[1], divisor[2]}; }

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
      [](Five sizes, bool pixels, std::vector<float> down, std::vector<float> across, bool subtractive, bool divisive,
         float threshold, std::uintptr_t x, std::uintptr_t gradient, std::uintptr_t y, int threads) {
        const auto [n, maps, h, w, groups] = sizes;
        const striate::ContrastNorm norm{n,
                                         maps,
                                         h,
                                         w,
                                         groups,
                                         pixels,
                                         down.data(),
                                         across.data(),
                                         std::int64_t(down.size()),
                                         std::int64_t(across.size()),
                                         subtractive,
                                         divisive,
                                         threshold};
        striate::contrast_norm(striate::chosen(), norm, at<float>(x), at<float>(gradient), at<float>(y), threads);
      },
      "sizes"_a, "pixels"_a, "down"_a, "across"_a, "subtractive"_a, "divisive"_a, "threshold"_a, "x"_a, "gradient"_a,
      "y"_a, "threads"_a, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace

NB_MODULE(_engine, m) {
  // A plan that is still held when the interpreter ends is no fault.
  nb::set_leak_warnings(false);
  m.doc() = "The compiled core: use it through striate.engine.";
  bind_machine(m);
  bind_isa(m);
  bind_peak(m);
  bind_products(m);
  bind_spectra(m);
  bind_overlap(m);
  bind_transpose(m);
  bind_pages(m);
  bind_denormals(m);
  bind_problem(m);
  bind_convolution(m);
  bind_weight_gradient(m);
  bind_pool(m);
  bind_avg_pool(m);
  bind_response_norm(m);
  bind_contrast_norm(m);
}
