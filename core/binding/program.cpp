// Programs: instructions are added one by one, then all are run by one call.
#include "binding.h"

#include "../isa.h"
#include "../program.h"

#include <nanobind/stl/tuple.h>

namespace {

using Place = std::pair<int, std::int64_t>;                                                  // a memory; floats
using Bent = std::optional<std::tuple<int, float, float>>;                                   // a function; its numbers
using Given = std::optional<std::tuple<Place, std::uintptr_t, std::int64_t, std::int64_t>>;  // or a constant; steps

striate::Location location(const Place& place) { return {place.first, place.second}; }
striate::Location location(const std::optional<Place>& place) { return place ? location(*place) : striate::Location{}; }

std::optional<striate::Activation> activation(const Bent& then) {
  if (!then) return std::nullopt;
  const auto [bend, a, b] = *then;
  return striate::Activation{striate::Bend(bend), a, b};
}

striate::Source source(const Given& given) {
  if (!given) return {};
  const auto& [place, constant, image, pixel] = *given;
  return {location(place), at<float>(constant), image, pixel};
}

}  // namespace

void bind_program(nb::module_& m) {
  using striate::chosen;
  using striate::Program;
  nb::class_<Program>(m, "Program")
      .def(nb::init<>())
      .def_prop_ro("size", &Program::size)
      .def("scratch_bytes", &Program::scratch_bytes, "threads"_a)
      .def(
          "convolve",
          [](Program& to, int which, const striate::Problem& problem, Place x, std::uintptr_t prepared,
             std::uintptr_t bias, std::optional<Place> residual, Place y, std::optional<Three> apart, Bent then) {
            const auto steps = problem.side_by_side();
            const auto [pixel, row, image] = apart.value_or(Three{steps.pixel, steps.row, steps.image});
            const auto last = activation(then);
            to.add(striate::convolve({chosen().algorithms[which],
                                      problem,
                                      location(x),
                                      location(residual),
                                      location(y),
                                      at<float>(prepared),
                                      at<float>(bias),
                                      {pixel, row, image}},
                                     last ? &*last : nullptr));
          },
          "algorithm"_a, "problem"_a, "x"_a, "prepared"_a, "bias"_a, "residual"_a.none(), "y"_a, "apart"_a.none(),
          "then"_a.none())
      .def(
          "map",
          [](Program& to, Three sizes, Given x, Given factor, Given term, Place y, Pair steps, Bent then) {
            const auto [n, pixels, c] = sizes;
            const auto last = activation(then);
            to.add(striate::map(
                chosen(), {n, pixels, c, source(x), source(factor), source(term), location(y), steps[0], steps[1]},
                last ? &*last : nullptr));
          },
          "sizes"_a, "x"_a.none(), "factor"_a.none(), "term"_a.none(), "y"_a, "steps"_a, "then"_a.none())
      .def(
          "max_pool",
          [](Program& to, const striate::Pool& pool, Place x, Place y) {
            to.add(striate::max_pool(chosen(), pool, location(x), location(y)));
          },
          "pool"_a, "x"_a, "y"_a)
      .def(
          "avg_pool",
          [](Program& to, const striate::Pool& pool, Three divisor, bool padding, Place x, Place y) {
            const striate::Mean mean{divisor[0], padding, divisor[1], divisor[2]};
            to.add(striate::avg_pool(chosen(), pool, mean, location(x), location(y)));
          },
          "pool"_a, "divisor"_a, "padding"_a, "x"_a, "y"_a)
      .def(
          "response_norm",
          [](Program& to, Three sizes, Pair around, std::array<double, 3> numbers, Place x, Place y) {
            const striate::ResponseNorm norm{sizes[0],  sizes[1],   sizes[2],   true,      around[0],
                                             around[1], numbers[0], numbers[1], numbers[2]};
            to.add(striate::response_norm(chosen(), norm, location(x), location(y)));
          },
          "sizes"_a, "around"_a, "numbers"_a, "x"_a, "y"_a)
      .def(
          "transpose",
          [](Program& to, Three sizes, Place x, Place y) {
            to.add(striate::transpose(sizes[0], sizes[1], sizes[2], location(x), location(y)));
          },
          "sizes"_a, "x"_a, "y"_a)
      .def(
          "softmax",
          [](Program& to, Pair sizes, Place x, Place y) {
            to.add(striate::softmax(chosen(), sizes[0], sizes[1], location(x), location(y)));
          },
          "sizes"_a, "x"_a, "y"_a)
      .def(
          "run",
          [](const Program& program, const std::vector<std::uintptr_t>& memories, std::uintptr_t scratch, int threads,
             std::uintptr_t seconds) {
            static_assert(sizeof(std::uintptr_t) == sizeof(float*));
            const auto* addresses = reinterpret_cast<float* const*>(memories.data());
            program.run({addresses, at<std::byte>(scratch), threads}, at<double>(seconds));
          },
          "memories"_a, "scratch"_a, "threads"_a, "seconds"_a = 0, nb::call_guard<nb::gil_scoped_release>());
}
