// What the machine is, and what it does at most.
#include "binding.h"

#include "../isa.h"
#include "../machine.h"
#include "../peak.h"

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
