// Weights in the order in which `multiply_tile` reads them.
#pragma once

#include "../conv.h"
#include "tile.h"

namespace striate::STRIATE_ISA {

inline std::int64_t panels_per_group(const Problem& p) { return divided_up(p.k_per_group(), panel); }

// Floats from one panel of `taps` taps to the next.
inline std::int64_t panel_floats(const Problem& p, std::int64_t taps) { return taps * p.c_per_group() * panel; }

// Floats of a group's panels together: the last is as narrow as whole vectors allow.
inline std::int64_t group_floats(const Problem& p, std::int64_t taps) {
  return taps * p.c_per_group() * rounded_up(p.k_per_group(), lanes);
}

// Channels that the panel really has.
inline std::int64_t panel_columns(const Problem& p, std::int64_t index) {
  return least(panel, p.k_per_group() - index * panel);
}

// Floats of a row of the panel: whole vectors. The last panel of a group is the narrower the fewer channels are left.
inline std::int64_t panel_width(const Problem& p, std::int64_t index) {
  return rounded_up(panel_columns(p, index), lanes);
}

// The function that multiplies `rows` rows with the panel.
inline MultiplyTile* multiply(const Problem& p, std::int64_t index, std::int64_t rows) {
  return multiply_tile[panel_width(p, index) / lanes][rows];
}

}  // namespace striate::STRIATE_ISA
