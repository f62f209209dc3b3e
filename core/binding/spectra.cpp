// Products of spectra, and the tiles that they are of.
#include "binding.h"

#include "../isa.h"
#include "../overlap.h"

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
