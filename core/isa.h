// The table of instruction sets that the kernels are compiled for, and the choice among them.
#pragma once

#include "isa/kernels.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct Isa {
  std::string_view name;
  std::vector<std::string_view> needs;  // as `features` spells them
  const Kernels* kernels;

  std::string refuses() const;  // why this processor cannot run it, or "" if it can
};

// Best first; the last one needs nothing, so a choice always exists.
std::span<const Isa> isas();

struct Choice {
  std::string forced;      // what STRIATE_ISA said when the library was loaded, or ""
  const Kernels* kernels;  // null where `forced` names a set that is unknown or refuses
};

// Made when the library is loaded; a wrong STRIATE_ISA is an error of whoever uses the choice, not of loading.
const Choice& choice();

// The kernels of the choice. Throws std::invalid_argument where there is none.
const Kernels& chosen();

}  // namespace striate
