// The table of instruction sets. To add one: a line here, a line in CMakeLists.txt.
#include "isa.h"

#include "machine.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>

namespace striate {

#if defined(__x86_64__)
namespace avx512 {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels kernels;
}
#endif
namespace baseline {
extern const Kernels kernels;
}

std::span<const Isa> isas() {
  static const std::array table{
#if defined(__x86_64__)
      Isa{"avx512", {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"}, &avx512::kernels},
      Isa{"avx2", {"avx2", "fma"}, &avx2::kernels},
#elif defined(__aarch64__)
      Isa{"neon", {"neon"}, &neon::kernels},
#endif
      Isa{"baseline", {}, &baseline::kernels},
  };
  return table;
}

std::string Isa::refuses() const {
  const std::vector<std::string> have = features();
  for (std::string_view need : needs) {
    if (std::ranges::find(have, need) == have.end()) return "the processor has no " + std::string(need);
  }
  return "";
}

namespace {

Choice choose(std::string_view forced) {
  for (const Isa& isa : isas()) {
    const bool wanted = forced.empty() || forced == isa.name;
    if (wanted && isa.refuses().empty()) return {std::string(forced), isa.kernels};
  }
  return {std::string(forced), nullptr};
}

const Choice at_load = [] {
  const char* forced = std::getenv("STRIATE_ISA");
  return choose(forced ? forced : "");
}();

}  // namespace

const Choice& choice() { return at_load; }

const Kernels& chosen() {
  if (!at_load.kernels) throw std::invalid_argument("STRIATE_ISA=" + at_load.forced + " cannot be used here");
  return *at_load.kernels;
}

}  // namespace striate
