// The door to Python: addresses, sizes and plain values go through; nothing is computed here.
#include "conv.h"
#include "isa.h"
#include "machine.h"
#include "peak.h"

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

// Which algorithm: its place in the table of the kernels that run.
const striate::Algorithm& algorithm(int place) { return *striate::chosen().algorithms[place]; }

template <class T>
T* at(std::uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

void bind_conv(nb::module_& m) {
  using striate::Problem;
  using Pair = std::array<std::int64_t, 2>;
  using Four = std::array<std::int64_t, 4>;
  nb::class_<Problem>(m, "Problem")
      .def(
          "__init__",
          [](Problem* made, Four input, std::array<std::int64_t, 3> kernels, Pair stride, Four padding, Pair dilation,
             std::int64_t groups, bool bias, bool residual, bool relu) {
            const auto [n, c, h, w] = input;
            const auto [k, r, s] = kernels;
            const auto [top, bottom, left, right] = padding;
            new (made) Problem{n,      c,    h,     w,           k,           r,      s,    stride[0], stride[1], top,
                               bottom, left, right, dilation[0], dilation[1], groups, bias, residual,  relu};
          },
          "input"_a, "kernels"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "bias"_a = false,
          "residual"_a = false, "relu"_a = false)
      .def_prop_ro("output", [](const Problem& p) { return Four{p.n, p.k, p.p(), p.q()}; });
  m.def("algorithms", [] {
    std::vector<std::string> names;
    for (const auto* const* each = striate::chosen().algorithms; *each; ++each) names.emplace_back((*each)->name);
    return names;
  });
  m.def("refuses", [](int which, const Problem& p) -> std::optional<std::string> {
    const char* reason = algorithm(which).refuses(p);
    return reason ? std::optional<std::string>(reason) : std::nullopt;
  });
  m.def("cost", [](int which, const Problem& p, int threads) { return algorithm(which).cost(p, threads); });
  m.def("prepared_floats", [](int which, const Problem& p) { return algorithm(which).prepared(p); });
  m.def("workspace_bytes",
        [](int which, const Problem& p, int threads) { return algorithm(which).workspace(p, threads); });
  m.def(
      "prepare",
      [](int which, const Problem& p, std::uintptr_t weight, Four steps, std::uintptr_t to, int threads) {
        algorithm(which).prepare(p, {at<float>(weight), steps[0], steps[1], steps[2], steps[3]}, at<float>(to),
                                 threads);
      },
      nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "run",
      [](int which, const Problem& p, std::uintptr_t x, std::uintptr_t prepared, std::uintptr_t bias,
         std::uintptr_t residual, std::uintptr_t y, std::uintptr_t scratch, int threads) {
        algorithm(which).run(p, {at<float>(x), at<float>(bias), at<float>(residual), at<float>(y)}, at<float>(prepared),
                             at<std::byte>(scratch), threads);
      },
      nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace

NB_MODULE(_engine, m) {
  m.doc() = "The compiled core: use it through striate.engine.";
  bind_machine(m);
  bind_isa(m);
  bind_peak(m);
  bind_conv(m);
}
