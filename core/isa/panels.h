// Weights in the order in which `multiply_tile` reads them.
#pragma once

#include "../conv.h"
#include "vector.h"

namespace striate::STRIATE_ISA {

inline std::int64_t panels_per_group(const Problem& p) { return divided_up(p.k_per_group(), panel); }

// Floats of one panel that has `taps` taps.
inline std::int64_t panel_floats(const Problem& p, std::int64_t taps) { return taps * p.c_per_group() * panel; }

// Channels that the panel really has.
inline std::int64_t panel_columns(const Problem& p, std::int64_t index) {
  return least(panel, p.k_per_group() - index * panel);
}

}  // namespace striate::STRIATE_ISA
