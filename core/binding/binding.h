// The door to Python: addresses, sizes and plain values go through; nothing is computed here.
//
// Each file of this folder lets one part of the core through.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstdint>

namespace nb = nanobind;
using nb::literals::operator""_a;

template <class T>
T* at(std::uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

using Pair = std::array<std::int64_t, 2>;
using Three = std::array<std::int64_t, 3>;
using Four = std::array<std::int64_t, 4>;
using Five = std::array<std::int64_t, 5>;
using Six = std::array<std::int64_t, 6>;

void bind_machine(nb::module_& m);
void bind_isa(nb::module_& m);
void bind_peak(nb::module_& m);
void bind_transpose(nb::module_& m);
void bind_pages(nb::module_& m);
void bind_denormals(nb::module_& m);
void bind_spectra(nb::module_& m);
void bind_overlap(nb::module_& m);
void bind_problem(nb::module_& m);
void bind_convolution(nb::module_& m);
void bind_door(nb::module_& m);
void bind_deep_convolution(nb::module_& m);
void bind_depthwise_separable(nb::module_& m);
void bind_weight_gradient(nb::module_& m);
void bind_pool(nb::module_& m);
void bind_avg_pool(nb::module_& m);
void bind_response_norm(nb::module_& m);
void bind_contrast_norm(nb::module_& m);
void bind_unshared(nb::module_& m);
void bind_program(nb::module_& m);
