// Layouts, pages, denormal numbers.
#include "binding.h"

#include "../denormals.h"
#include "../pages.h"
#include "../transpose.h"

void bind_transpose(nb::module_& m) {
  m.def(
      "transpose",
      [](std::uintptr_t from, std::uintptr_t to, std::int64_t matrices, std::int64_t rows, std::int64_t columns,
         int threads, bool doubles) {
        doubles ? striate::transpose(at<double>(from), at<double>(to), matrices, rows, columns, threads)
                : striate::transpose(at<float>(from), at<float>(to), matrices, rows, columns, threads);
      },
      "from_"_a, "to"_a, "matrices"_a, "rows"_a, "columns"_a, "threads"_a, "doubles"_a = false,
      nb::call_guard<nb::gil_scoped_release>());
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
