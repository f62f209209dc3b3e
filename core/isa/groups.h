// Few channels a group, as many out as in: a vector holds the channels of several groups.
#pragma once

#include "convolution.h"

namespace striate::STRIATE_ISA {

inline const char* refuses_groups(const Problem& p) {
  const std::int64_t each = p.c_per_group();
  if (p.groups == 1) return "there are no groups";
  if (each != p.k_per_group()) return "a group has not as many channels out as in";
  if (each != 2 && each != 4 && each != 8) return "a group has not 2, 4 or 8 channels";
  if (each > lanes) return "a vector does not hold a group";
  return nullptr;
}

// Number `at` of each group of `Each` lanes, in all lanes of the group.
template <int Each, int at, int... lane>
[[gnu::always_inline]] inline Vector of_groups(Vector x, Lanes<lane...>) {
  return __builtin_shufflevector(x, x, (lane / Each * Each + at)...);
}

}  // namespace striate::STRIATE_ISA
